import { useEffect, useState } from "react";

/** Seconds since 1970, told again every so often. */
export function useNow(everyMs = 15_000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => { setNow(Date.now()); }, everyMs);
    return () => { window.clearInterval(timer); };
  }, [everyMs]);
  return now / 1000;
}
