// The lines of the list: favourites, then namespace by namespace.

import type { InterceptSummary, InterceptView, ServiceSummary } from "../../bindings/wire";

export interface ServiceLine {
  kind: "service";
  id: string;
  service: ServiceSummary;
  /** Our own intercept of it, unless it has ended. */
  mine: InterceptView | null;
  /** Everybody else's. */
  others: readonly InterceptSummary[];
  isFavourite: boolean;
  /** Whether its namespace must be told, since no heading tells it. */
  tellsNamespace: boolean;
}

export interface HeadLine {
  kind: "head";
  id: string;
  title: string;
  count: number;
}

export type Line = ServiceLine | HeadLine;

export const idOf = ({ namespace, name }: Pick<ServiceSummary, "namespace" | "name">) => `${namespace}/${name}`;
export const favouriteOf = (context: string, service: ServiceSummary) => `${context}/${idOf(service)}`;

interface Known {
  context: string;
  intercepts: readonly InterceptView[];
  favourites: readonly string[];
}

/** `services` come by namespace and name. */
export function linesOf(services: readonly ServiceSummary[], { context, intercepts, favourites }: Known): Line[] {
  const starred = new Set(favourites);
  const here = intercepts.filter(({ wish }) => wish.context === context);
  const ids = new Set(here.flatMap(({ id }) => (id === null ? [] : [id])));
  const mine = new Map(here.filter(({ phase }) => phase.phase !== "closed")
    .map((each) => [`${each.wish.namespace}/${each.wish.service}`, each]));
  const isManyNamespaces = services.length > 0 && services[0]?.namespace !== services.at(-1)?.namespace;

  const line = (service: ServiceSummary, isFavourite: boolean): ServiceLine => {
    const id = idOf(service);
    const others = service.intercepts.length === 0 ? service.intercepts : service.intercepts.filter((each) => !ids.has(each.id));
    return {
      kind: "service", id, service, mine: mine.get(id) ?? null, others, isFavourite, tellsNamespace: isFavourite && isManyNamespaces,
    };
  };

  const lines: Line[] = [];
  const rest: ServiceLine[] = [];
  for (const service of services) {
    if (starred.has(favouriteOf(context, service))) lines.push(line(service, true));
    else rest.push(line(service, false));
  }
  if (lines.length > 0 && rest.length > 0 && isManyNamespaces) {
    lines.unshift({ kind: "head", id: "★", title: "Favourites", count: lines.length });
  }
  if (!isManyNamespaces) return [...lines, ...rest];
  const groups = new Map<string, ServiceLine[]>();
  for (const each of rest) {
    const group = groups.get(each.service.namespace);
    if (group) group.push(each);
    else groups.set(each.service.namespace, [each]);
  }
  for (const [namespace, group] of groups) {
    lines.push({ kind: "head", id: namespace, title: namespace, count: group.length });
    for (const each of group) lines.push(each);
  }
  return lines;
}
