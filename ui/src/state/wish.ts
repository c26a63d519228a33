// What an intercept of a Service begins with: as it was the last time, or as preferred.

import type { InterceptView, InterceptWish, Listener, Preferences, ServiceSummary } from "../bindings/wire";

type Place = Pick<InterceptWish, "context" | "namespace" | "service">;

export const isSamePlace = (left: Place, right: Place) =>
  left.context === right.context && left.namespace === right.namespace && left.service === right.service;

/** The last intercept of a Service, where it is remembered. */
export const lastWish = (preferences: Preferences, place: Place): InterceptWish | undefined =>
  preferences.recent.find((each) => isSamePlace(each, place));

export function wishFor(context: string, service: ServiceSummary, preferences: Preferences): InterceptWish {
  const place = { context, namespace: service.namespace, service: service.name };
  const last = lastWish(preferences, place);
  if (last) return last;
  const tcp = service.ports.filter((port) => port.protocol === "TCP");
  const port = tcp.find(({ name }) => name?.startsWith("http")) ?? tcp[0];
  return {
    ...place,
    port: port === undefined ? null : port.name ?? String(port.port),
    mark: { kind: "header", name: preferences.defaultHeader, value: preferences.defaultValue === "" ? null : preferences.defaultValue },
    pathPrefix: null, methods: [], target: "", acceptAnyCertificate: false, ttlSeconds: null, protocol: null,
    recording: preferences.recording,
  };
}

/** The port that a target names. */
export function portOf(target: string): number | null {
  const port = /(\d{1,5})\/?$/.exec(target)?.[1];
  return port === undefined ? null : Number(port);
}

/** A program of this machine that no intercept of ours uses yet. */
export function freeListener(listeners: readonly Listener[], intercepts: readonly InterceptView[]): Listener | undefined {
  const used = new Set(intercepts.filter(({ phase }) => phase.phase !== "closed").map(({ wish }) => portOf(wish.target)));
  return listeners.find(({ port }) => !used.has(port));
}
