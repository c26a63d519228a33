import { describe, expect, it } from "vitest";

import type { InterceptView, ProbeReport, TargetCheck } from "../../bindings/wire";
import { standing } from "../../bridge/fake/intercepts";
import { likelyListeners, portOf } from "./listeners";
import { columns } from "./plot";
import { ago, span } from "./spans";
import { firstBroken, isOriginAlone, wayOf, type Stop } from "./way";
import type { StopPlace } from "./words";

const listening: TargetCheck = { target: "localhost:3000", isListening: true, why: null, tookMs: 1 };
const silent: TargetCheck = { target: "localhost:3000", isListening: false, why: "the connection was refused", tookMs: 1 };

function known(change: Partial<InterceptView> = {}, target: TargetCheck | null = listening, probe: ProbeReport | null = null) {
  return { view: { ...standing(), ...change }, traffic: null, probe, target };
}

const at = (way: Stop[], place: StopPlace) => {
  const stop = way.find((one) => one.place === place);
  if (!stop) throw new Error(`${place} must be on the way`);
  return stop;
};

describe("the way before a probe", () => {
  it("is in order where the intercept is active, a relay open and the program listens", () => {
    const way = wayOf(known());
    expect(firstBroken(way)).toBeNull();
    expect(at(way, "service").short).toBe("selects the proxy");
    expect(at(way, "origin").short).toBe("answers the rest");
  });

  it("is broken at the program that does not listen, and the origin answers everything", () => {
    const now = known({}, silent);
    const way = wayOf(now);
    expect(firstBroken(way)).toBe("program");
    expect(at(way, "program").words).toBe("The connection was refused.");
    expect(isOriginAlone(now)).toBe(true);
    expect(at(way, "origin").short).toBe("answers everything");
  });

  it("is broken at a relay that is lost, with its reason, and the gate is shut", () => {
    const way = wayOf(known({ phase: { phase: "reconnecting" }, relays: [{ pod: "p", isOpen: false, why: "the API server went away" }] }));
    expect(firstBroken(way)).toBe("relay");
    expect(at(way, "relay").words).toContain("the API server went away");
    expect(at(way, "gate").short).toBe("shut");
  });

  it("is not broken while one of two relays is open", () => {
    const relays = [{ pod: "p1", isOpen: true, why: null }, { pod: "p2", isOpen: false, why: "the pod is gone" }];
    const way = wayOf(known({ relays }));
    expect(at(way, "relay")).toMatchObject({ state: "wait", short: "1 of 2 open" });
    expect(firstBroken(way)).toBeNull();
  });

  it("names who changed the selector", () => {
    const way = wayOf(known({ phase: { phase: "displaced", by: "argocd-controller" } }));
    expect(firstBroken(way)).toBe("service");
    expect(at(way, "service").words).toContain("argocd-controller");
  });

  it("is not there yet while the plan is carried out, and taken out after the end", () => {
    expect(at(wayOf(known({ phase: { phase: "applying" }, relays: [] })), "proxy").short).toBe("not there yet");
    expect(at(wayOf(known({ phase: { phase: "closed" }, relays: [] })), "proxy").short).toBe("taken out");
  });
});

describe("the way after a probe", () => {
  const hops: ProbeReport["hops"] = [
    { what: "service", state: "passed", took: 400, words: "It takes connections." },
    { what: "proxy", state: "passed", took: 900, words: "The proxy took it." },
    { what: "rule", state: "passed", took: 900, words: "The rule fits it." },
    { what: "gate", state: "passed", took: 1_100, words: "It is open." },
    { what: "relay", state: "passed", took: 3_200, words: "It came." },
    { what: "laptop", state: "passed", took: 4_100, words: "It came back." },
    { what: "program", state: "passed", words: "It listens." },
  ];

  it("tells what lies between two places, in time", () => {
    const way = wayOf(known({}, listening, { hops }));
    expect(way.map((stop) => stop.took)).toEqual([null, 400, 500, 200, 2_100, 900, null, null]);
  });

  it("is broken where the request stopped, in the words of the probe", () => {
    const stopped = hops.map((hop) => (hop.what === "gate" ? { what: hop.what, state: "stopped" as const, words: "The gate is shut." } : hop));
    const way = wayOf(known({}, listening, { hops: stopped, stoppedAt: "gate" }));
    expect(firstBroken(way)).toBe("gate");
    expect(at(way, "gate").words).toBe("The gate is shut.");
  });

  it("shows a rule that did not fit at the proxy, where it lives", () => {
    const stopped = hops.map((hop) => (hop.what === "rule" ? { what: hop.what, state: "stopped" as const, words: "Another rule took it." } : hop));
    const way = wayOf(known({}, listening, { hops: stopped, stoppedAt: "rule" }));
    expect(at(way, "proxy")).toMatchObject({ state: "bad", words: "Another rule took it." });
  });

  it("does not call a place in order that is known to be broken", () => {
    expect(at(wayOf(known({}, silent, { hops })), "program").state).toBe("bad");
  });
});

describe("listeners", () => {
  it("that are offered are near the port that is silent, and never that port", () => {
    const all = [3001, 9229, 3000, 22, 5173].map((port) => ({ port, program: "node", pid: 1 }));
    expect(likelyListeners(all, "localhost:3000").map(({ port }) => port)).toEqual([3001, 5173, 22]);
  });

  it("are told apart by the port of any target", () => {
    expect([portOf("localhost:3000"), portOf("3000"), portOf("https://localhost:8443/x"), portOf("unix")]).toEqual([3000, 3000, 8443, null]);
  });
});

describe("rates", () => {
  it("that are shorter than five minutes begin with nothing", () => {
    const [x, laptop, back, others] = columns([{ matched: 5, fellBack: 2, unmatched: 7, unseen: 0 }]);
    expect([x.length, x[0], x.at(-1)]).toEqual([300, -299, 0]);
    expect([laptop.at(-1), back.at(-1), others.at(-1), laptop[0]]).toEqual([3, 2, 7, 0]);
  });
});

describe("spans", () => {
  it("have the unit that fits", () => {
    expect([span(400), span(41_200), span(1_310_000), span(12_000_000)]).toEqual(["0.4 ms", "41 ms", "1.3 s", "12 s"]);
    expect([ago(9_500, 10_000), ago(0, 12_000), ago(0, 240_000)]).toEqual(["now", "12 s ago", "4 min ago"]);
  });
});
