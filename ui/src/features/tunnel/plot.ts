// uPlot, told what this screen draws, and loaded when it is drawn first. Without a canvas (a test, a broken graphics driver) there is no plot; words say the same.

import "../../components/language";
import type uPlot from "uplot";

import type { TrafficSecond } from "../../bindings/wire";

export const minutes = 5;
const span = minutes * 60;

/** Seconds before now, and what came in each: matched and answered here, fell back, did not match. */
export function columns(seconds: TrafficSecond[]): [number[], number[], number[], number[]] {
  const empty: TrafficSecond = { matched: 0, fellBack: 0, unmatched: 0, unseen: 0 };
  const kept = seconds.slice(-span);
  const padded = [...Array.from({ length: span - kept.length }, () => empty), ...kept];
  return [
    padded.map((_, index) => index - span + 1),
    padded.map((second) => second.matched - second.fellBack),
    padded.map((second) => second.fellBack),
    padded.map((second) => second.unmatched),
  ];
}

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const hasCanvas = (): boolean => document.createElement("canvas").getContext("2d") !== null;

function options(width: number, height: number): uPlot.Options {
  const line = (stroke: string, extra: Partial<uPlot.Series> = {}): uPlot.Series => ({
    stroke: token(stroke), width: 1.5, points: { show: false }, ...extra,
  });
  const font = `11px ${token("--font-ui")}`;
  return {
    width,
    height,
    padding: [6, 0, 6, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: { x: { time: false, range: [1 - span, 0] }, y: { range: (_, __, most) => [0, Math.max(4, Math.ceil(most * 1.1))] } },
    series: [
      {},
      line("--accent", { fill: token("--accent-tint-2") }),
      line("--warn-fill", { dash: [4, 3] }),
      line("--line-control"),
    ],
    axes: [
      { show: false },
      {
        size: 32, font, stroke: token("--text-3"), ticks: { show: false },
        grid: { stroke: token("--line"), width: 1 }, splits: (_, __, least, most) => [least, most / 2, most].map(Math.round),
      },
    ],
  };
}

export interface Plot {
  show: (seconds: TrafficSecond[]) => void;
  resize: (width: number) => void;
  end: () => void;
}

/** Draws into `place`, which must be in the page still when it comes to it; nothing where nothing can be drawn. */
export async function openPlot(place: HTMLElement, height: number, seconds: () => TrafficSecond[]): Promise<Plot | null> {
  if (!hasCanvas()) return null;
  const { default: Drawn } = await import("uplot");
  if (!place.isConnected) return null;
  const plot = new Drawn(options(place.clientWidth, height), columns(seconds()), place);
  return {
    show: (newer) => { plot.setData(columns(newer)); },
    resize: (wide) => { plot.setSize({ width: wide, height }); },
    end: () => { plot.destroy(); },
  };
}
