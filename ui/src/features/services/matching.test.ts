import { describe, expect, it } from "vitest";

import type { Port, Service } from "../../bindings/wire";
import { matching, portText } from "./matching";

const port: Port = { name: "http", number: 80, target: "http", protocol: "TCP" };
const cart: Service = {
  namespace: "shop", name: "cart", kind: "ClusterIP", ports: [port], readyEndpoints: 1, interceptCount: 0, obstacle: null,
};

describe("matching", () => {
  it("wants every word, in any place and case", () => {
    expect(matching([cart], "SHOP http:80")).toEqual([cart]);
    expect(matching([cart], "shop grpc")).toEqual([]);
  });

  it("takes an empty filter as no filter", () => {
    expect(matching([cart], "  ")).toEqual([cart]);
  });
});

describe("portText", () => {
  it("names a protocol other than TCP", () => {
    expect(portText({ ...port, name: null, number: 53, protocol: "UDP" })).toBe("53/UDP");
    expect(portText(port)).toBe("http:80");
  });
});
