// The Services of one context, in the four states they can be in.

import { useCallback, useState } from "react";

import { counted } from "../../components/counted";
import { LookAgain } from "../../components/LookAgain";
import { ErrorNotice, Notice } from "../../components/Notice";
import { Waiting } from "../../components/Waiting";
import type { Service } from "../../bindings/wire";
import type { Answer } from "../../bridge/use-answer";
import { useAnswer } from "../../bridge/use-answer";
import { useBridge } from "../../bridge/use-bridge";
import { errorTitle } from "./error-title";
import { FilterField } from "./FilterField";
import { matching } from "./matching";
import "./services.css";
import { ServiceTable } from "./ServiceTable";

export function ServicesPane({ context }: { context: string }) {
  const bridge = useBridge();
  const { answer, isAsking, askAgain } = useAnswer(useCallback(() => bridge.listServices(context), [bridge, context]));
  const [filter, setFilter] = useState("");
  const services = answer.state === "answered" ? answer.value : [];

  return (
    <main className="services" aria-busy={isAsking}>
      <header className="services-bar">
        <h2 className="services-title">{context}</h2>
        <FilterField count={services.length} value={filter} onChange={setFilter} />
        <LookAgain isAsking={isAsking} onLookAgain={askAgain} look="quiet" />
      </header>
      <Body {...{ context, answer, filter, setFilter, askAgain }} />
      <p className="services-strip" role="status">{stripWords(context, answer)}</p>
    </main>
  );
}

interface BodyProps {
  context: string;
  answer: Answer<Service[]>;
  filter: string;
  setFilter: (filter: string) => void;
  askAgain: () => void;
}

function Body({ context, answer, filter, setFilter, askAgain }: BodyProps) {
  if (answer.state === "asking") return <Waiting words={`Reading Services of ${context}`} />;
  if (answer.state === "refused") {
    const { code, message, hint } = answer.error;
    return (
      <div className="services-words">
        <ErrorNotice
          title={errorTitle(code, context)}
          message={message}
          hint={hint}
          acts={<LookAgain look="primary" onLookAgain={askAgain} />}
        />
      </div>
    );
  }
  if (answer.value.length === 0) {
    return (
      <div className="services-words">
        <Notice title={`No Services in ${context}`} acts={<LookAgain onLookAgain={askAgain} />}>
          <p>You may read its Services, and it has none yet. Deploy one, then look again.</p>
        </Notice>
      </div>
    );
  }
  const shown = matching(answer.value, filter);
  return <ServiceTable services={shown} filter={filter} onClearFilter={() => { setFilter(""); }} />;
}

function stripWords(context: string, answer: Answer<Service[]>): string {
  if (answer.state === "asking") return `${context} · reading`;
  if (answer.state === "refused") return `${context} · not read`;
  const namespaces = new Set(answer.value.map((service) => service.namespace)).size;
  const read = answer.at.toLocaleTimeString("en-GB");
  return `${context} · ${counted(answer.value.length, "Service")} in ${counted(namespaces, "namespace")} · read at ${read}`;
}
