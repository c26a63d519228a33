// What the palette finds.

import type { InterceptWish, Preferences, ServiceSummary } from "../bindings/wire";
import type { Offer } from "../state/offers";
import { wishFor } from "../state/wish";

const mostServices = 12;

export function found(offers: readonly Offer[], typed: string): readonly Offer[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return offers.filter(({ title, group }) => {
    const text = `${group} ${title}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

interface Known {
  context: string;
  services: readonly ServiceSummary[];
  preferences: Preferences;
  onSheet: (wish: InterceptWish) => void;
}

/** `intercept checkout to 3000`, or a part of a Service's name alone. */
export function interceptOffers(typed: string, { context, services, preferences, onSheet }: Known): Offer[] {
  const [, name = "", port] = /^(?:intercept\s*)?(\S*)(?:\s+to\s+:?(\d+))?\s*$/i.exec(typed.trim()) ?? [];
  if (typed.trim() === "") return [];
  const fits = services.filter((service) => service.obstacle === null && service.name.toLowerCase().includes(name.toLowerCase()));
  return fits.slice(0, mostServices).map((service) => {
    const wish = wishFor(context, service, preferences);
    return {
      id: `intercept ${service.namespace}/${service.name}`,
      group: "Services",
      title: `Intercept ${service.name} in ${service.namespace}${port === undefined ? "" : ` to :${port}`}`,
      run: () => { onSheet(port === undefined ? wish : { ...wish, target: port }); },
    };
  });
}
