import { useEffect, useRef, useState } from "react";
import "uplot/dist/uPlot.min.css";

import type { TrafficSecond, TrafficView } from "../../bindings/wire";
import { useBridge } from "../../bridge/use-bridge";
import { Button } from "../../components/Button";
import { columns, openPlot, type Plot } from "./plot";
import { words } from "./words";

const text = words.rates;
const height = 112;

/** A plot of the last five minutes, and the same in words. */
export function Rates({ traffic, curl }: { traffic: TrafficView | null; curl: string }) {
  const sums = traffic?.sums;
  const isQuiet = !sums || sums.matched + sums.unmatched + sums.unseen === 0;
  return (
    <section className="rates" aria-label={text.title}>
      <h2 className="tun-card-title">{text.title}</h2>
      <ul className="rates-key">
        <li className="rates-laptop">{text.laptop}</li>
        <li className="rates-back">{text.fellBack}</li>
        <li className="rates-others">{text.others}</li>
      </ul>
      <Drawing seconds={traffic?.seconds ?? []} />
      <p className="rates-ends tun-quiet"><span>{text.ago}</span><span>{text.now}</span></p>
      {isQuiet ? <Quiet curl={curl} /> : (
        <p className="rates-words">
          {text.sums(sums.matched - sums.fellBack, sums.fellBack, sums.unmatched)}
          {sums.unseen > 0 && ` ${text.unseen(sums.unseen)}`}
          {sums.dropped > 0 && ` ${text.dropped(sums.dropped)}`}
        </p>
      )}
    </section>
  );
}

function Quiet({ curl }: { curl: string }) {
  const { shell } = useBridge();
  return (
    <div className="rates-words">
      <p>{text.none} {curl !== "" && text.noneTry}</p>
      {curl !== "" && (
        <p className="rates-curl">
          <code className="mono selectable">{curl}</code>
          <Button onPress={() => { void shell.copyText(curl); }}>{text.copy}</Button>
        </p>
      )}
    </div>
  );
}

/** In words for whoever cannot see the lines. */
function summary(seconds: TrafficSecond[]): string {
  const [, laptop, back, others] = columns(seconds);
  return text.latest(Math.max(...laptop), Math.max(...back), Math.max(...others));
}

/** The theme changes the colours of a canvas only when it is drawn afresh. */
function useThemeName(): string {
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? "");
  useEffect(() => {
    const watcher = new MutationObserver(() => { setTheme(document.documentElement.dataset.theme ?? ""); });
    watcher.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => { watcher.disconnect(); };
  }, []);
  return theme;
}

function Drawing({ seconds }: { seconds: TrafficSecond[] }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot>(null);
  const latest = useRef(seconds);
  const theme = useThemeName();

  useEffect(() => {
    latest.current = seconds;
    plot.current?.show(seconds);
  }, [seconds]);

  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    let isCurrent = true;
    void openPlot(element, height, () => latest.current).then((opened) => {
      if (isCurrent) plot.current = opened;
      else opened?.end();
    });
    const watcher = new ResizeObserver(() => { plot.current?.resize(element.clientWidth); });
    watcher.observe(element);
    return () => {
      isCurrent = false;
      watcher.disconnect();
      plot.current?.end();
      plot.current = null;
    };
  }, [theme]);

  return <div ref={place} className="rates-drawing" role="img" aria-label={summary(seconds)} />;
}
