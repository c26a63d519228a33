import { cleanup, configure } from "@testing-library/react";
import { afterEach, beforeAll, vi } from "vitest";

// Two cores that something else is using draw slowly; a wait that is over ends at once.
configure({ asyncUtilTimeout: 15_000 });

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
