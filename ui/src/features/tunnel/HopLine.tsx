// The way of a request as a line of places. Each can be chosen; the one that is broken says so by shape, word and colour.

import { Box, Circle, CircleDashed, CircleX, Laptop, Link2, Server, Shield, SquareStack, Users, Activity, type LucideIcon } from "lucide-react";
import { Header, ListBox, ListBoxItem, ListBoxSection } from "react-aria-components";

import { Dot } from "../../components/Dot";
import { span } from "./spans";
import type { Stop, StopState } from "./way";
import { placeNames, words, type StopPlace } from "./words";

const icons: Record<StopPlace, LucideIcon> = {
  callers: Users, service: Server, proxy: Box, gate: Shield, relay: Link2, laptop: Activity, program: Laptop, origin: SquareStack,
};

const marks: Record<StopState, { icon: LucideIcon | null; word: string }> = {
  good: { icon: null, word: "in order" },
  wait: { icon: Circle, word: "not now" },
  bad: { icon: CircleX, word: "broken" },
  unknown: { icon: CircleDashed, word: "not known" },
};

export function StateMark({ state }: { state: StopState }) {
  const { icon: Icon, word } = marks[state];
  return (
    <span className={`hop-mark hop-mark-${state}`}>
      {Icon ? <Icon size={12} strokeWidth={2} aria-hidden /> : <Dot tone="good" />}
      <span className="visually-hidden">{word}: </span>
    </span>
  );
}

interface Props {
  way: Stop[];
  chosen: StopPlace | null;
  onChoose: (place: StopPlace) => void;
  /** Whether the origin answers every request now. */
  isOriginAlone: boolean;
}

export function HopLine({ way, chosen, onChoose, isOriginAlone }: Props) {
  const stops = (...wanted: StopPlace[]) =>
    way.filter((stop) => wanted.includes(stop.place)).map((stop) => <HopItem key={stop.place} stop={stop} />);
  return (
    <ListBox
      className={`hops ${isOriginAlone ? "hops-alone" : ""}`}
      aria-label={words.line}
      orientation="horizontal"
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={chosen === null ? [] : [chosen]}
      onSelectionChange={(keys) => {
        const [place] = keys === "all" ? [] : [...keys];
        if (place !== undefined) onChoose(place as StopPlace);
      }}
    >
      <ListBoxSection className="hops-part">
        <Header className="hops-title hops-title-cluster">{words.inCluster}</Header>
        {stops("callers", "service", "proxy", "gate", "relay")}
      </ListBoxSection>
      <ListBoxSection className="hops-part">
        <Header className="hops-title hops-title-laptop">{words.onLaptop}</Header>
        {stops("laptop", "program")}
      </ListBoxSection>
      <ListBoxSection className="hops-part">
        <Header className="hops-title hops-title-origin">{isOriginAlone ? words.everyRequest : words.origin}</Header>
        {stops("origin")}
      </ListBoxSection>
    </ListBox>
  );
}

function HopItem({ stop }: { stop: Stop }) {
  const Icon = icons[stop.place];
  const name = placeNames[stop.place];
  return (
    <ListBoxItem id={stop.place} textValue={`${name}: ${stop.short}`} className={`hop hop-${stop.place} hop-is-${stop.state}`}>
      {stop.took !== null && stop.took > 0 && <span className="hop-took">{span(stop.took)}</span>}
      <span className="hop-name">
        <Icon size={14} strokeWidth={1.5} aria-hidden />
        {name}
      </span>
      <span className="hop-short">
        <StateMark state={stop.state} />
        {stop.short}
      </span>
    </ListBoxItem>
  );
}
