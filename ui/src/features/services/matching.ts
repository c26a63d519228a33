// Which Services a filter leaves.

import type { PortSummary, ServiceSummary } from "../../bindings/wire";

// Thousands of Services are searched at every key, so each is made lower case once.
const texts = new WeakMap<ServiceSummary, string>();

function textOf(service: ServiceSummary): string {
  const known = texts.get(service);
  if (known !== undefined) return known;
  const { namespace, name, kind, ports, workload } = service;
  const text = [namespace, name, kind, ...ports.map(portText), workload?.name ?? ""].join(" ").toLowerCase();
  texts.set(service, text);
  return text;
}

/** Makes the texts before somebody types. */
export function prepare(services: readonly ServiceSummary[]): void {
  for (const service of services) textOf(service);
}

/** The Services whose name, namespace, type, workload or one of whose ports has every word of the filter. */
export function matching(services: readonly ServiceSummary[], filter: string): readonly ServiceSummary[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return services;
  return services.filter((service) => {
    const text = textOf(service);
    return words.every((word) => text.includes(word));
  });
}

/** A port as it is written everywhere: `http:80`, or `80` where it has no name; UDP and SCTP say so. */
export function portText(port: PortSummary): string {
  const number = port.protocol === "TCP" ? String(port.port) : `${port.port}/${port.protocol}`;
  return port.name === null || port.name === "" ? number : `${port.name}:${number}`;
}
