const digits = new Intl.NumberFormat("en");

/** A number with its noun: "1 Service", "2,400 Services". */
export function counted(count: number, noun: string): string {
  return `${digits.format(count)} ${noun}${count === 1 ? "" : "s"}`;
}
