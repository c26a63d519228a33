import { cleanup } from "@testing-library/react";
import { afterEach, beforeAll, vi } from "vitest";

beforeAll(() => {
  // jsdom lays nothing out: without a size the virtualised table would draw no row.
  Object.defineProperty(HTMLElement.prototype, "clientWidth", { get: () => 1180, configurable: true });
  Object.defineProperty(HTMLElement.prototype, "clientHeight", { get: () => 760, configurable: true });
  // None of these is in jsdom. The names in tests need no escaping but for a slash and quotes.
  vi.stubGlobal("CSS", { escape: (text: string) => text.replace(/["\\]/g, "\\$&") });
  vi.stubGlobal("ResizeObserver", class { observe() { return; } unobserve() { return; } disconnect() { return; } });
  HTMLCanvasElement.prototype.getContext = () => null;
  vi.stubGlobal("matchMedia", () => ({
    matches: false,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }));
});

afterEach(() => {
  cleanup();
  window.localStorage.clear();
});
