import type { Service } from "../../bindings/wire";

/** The Services whose name, namespace, type or one of whose ports has every word of the filter. */
export function matching(services: Service[], filter: string): Service[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return services;
  return services.filter((service) => {
    const text = [service.namespace, service.name, service.kind, ...service.ports.map(portText)].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** A port as it is written everywhere: `http:80`, or `80` where it has no name; UDP and SCTP say so. */
export function portText(port: Service["ports"][number]): string {
  const number = port.protocol === "TCP" ? String(port.number) : `${port.number}/${port.protocol}`;
  return port.name === null || port.name === "" ? number : `${port.name}:${number}`;
}
