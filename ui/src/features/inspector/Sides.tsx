// The request's side and the answer's side: headers, body, raw.

import { Copy } from "lucide-react";
import { useCallback, type ReactNode } from "react";
import { Tab, TabList, TabPanel, Tabs } from "react-aria-components";

import type { BodyHalf, Decoded, Header, RequestDetail } from "../../bindings/wire";
import { useAnswer } from "../../bridge/use-answer";
import { useBridge } from "../../bridge/use-bridge";
import { Button } from "../../components/Button";
import { Tip } from "../../components/Tip";
import type { Acts } from "./acts";
import { BodyView, bodyWords } from "./BodyView";
import { bodyText, rawText } from "./body-text";
import { CodeView } from "./CodeView";
import { HeaderTable, QueryTable, queryOf } from "./HeaderTable";
import { outcomeWords, bodyUnreadWords } from "./words";

interface Props {
  detail: RequestDetail;
  acts: Acts;
  onReveal: () => void;
}

export function RequestSide({ detail, acts, onReveal }: Props) {
  const { exchange, request, hidden } = detail;
  const query = queryOf(exchange.request.target);
  return (
    <Tabs className="side" defaultSelectedKey="all">
      <TabList aria-label="Request" className="tabs">
        <Tab id="all" className="tab">Request</Tab>
        {query.length > 0 && <Tab id="query" className="tab">Query <span className="tab-count">{query.length}</span></Tab>}
        <Tab id="raw" className="tab">Raw</Tab>
      </TabList>
      <TabPanel id="all" className="tab-panel">
        <HeaderTable headers={exchange.request.headers} part="requestHeaders" hidden={hidden} onReveal={onReveal} label="Headers of the request" />
        <Trailers trailers={exchange.request.trailers} part="requestTrailers" detail={detail} onReveal={onReveal} />
        {request.content.kind !== "empty" && <BodyPart body={request} half="request" detail={detail} acts={acts} />}
      </TabPanel>
      <TabPanel id="query" className="tab-panel"><QueryTable query={query} /></TabPanel>
      <TabPanel id="raw" className="tab-panel"><Raw detail={detail} half="request" onReveal={onReveal} /></TabPanel>
    </Tabs>
  );
}

export function ResponseSide({ detail, acts, onReveal }: Props) {
  const { exchange, response, hidden } = detail;
  if (!exchange.response) {
    return <div className="side"><p className="body-empty side-none">{outcomeWords(exchange.outcome)}</p></div>;
  }
  const { headers, trailers, interim } = exchange.response;
  return (
    <Tabs className="side" defaultSelectedKey="body">
      <TabList aria-label="Response" className="tabs">
        <Tab id="body" className="tab">Response</Tab>
        <Tab id="headers" className="tab">Headers <span className="tab-count">{headers.length + (trailers?.length ?? 0)}</span></Tab>
        <Tab id="raw" className="tab">Raw</Tab>
      </TabList>
      <TabPanel id="body" className="tab-panel">
        {response && <BodyPart body={response} half="response" detail={detail} acts={acts} />}
      </TabPanel>
      <TabPanel id="headers" className="tab-panel">
        {interim && interim.length > 0 && <p className="body-empty">Before it came: {interim.join(", ")}.</p>}
        <HeaderTable headers={headers} part="responseHeaders" hidden={hidden} onReveal={onReveal} label="Headers of the answer" />
        <Trailers trailers={trailers} part="responseTrailers" detail={detail} onReveal={onReveal} />
      </TabPanel>
      <TabPanel id="raw" className="tab-panel"><Raw detail={detail} half="response" onReveal={onReveal} /></TabPanel>
    </Tabs>
  );
}

function Trailers({ trailers, part, detail, onReveal }: { trailers: Header[] | undefined; part: "requestTrailers" | "responseTrailers"; detail: RequestDetail; onReveal: () => void }) {
  if (!trailers || trailers.length === 0) return null;
  return (
    <>
      <h3 className="side-title">Trailers</h3>
      <HeaderTable headers={trailers} part={part} hidden={detail.hidden} onReveal={onReveal} label="Trailers" />
    </>
  );
}

function BodyPart({ body, half, detail, acts }: { body: Decoded; half: BodyHalf; detail: RequestDetail; acts: Acts }) {
  const unread = bodyUnreadWords(detail.hidden, half === "request" ? "requestBody" : "responseBody");
  const text = bodyText(body.content);
  const copy = text !== null && (
    <Tip words="Copy the body">
      <Button look="quiet" aria-label="Copy the body" onPress={() => { acts.copyText(text, "The body is copied."); }}>
        <Copy size={14} strokeWidth={1.5} aria-hidden />
      </Button>
    </Tip>
  );
  return (
    <div className="side-body">
      <div className="side-title"><span>Body · {bodyWords(body)}</span>{copy}</div>
      {unread === null ? <BodyView body={body} of={{ id: detail.exchange.id, half }} /> : <p className="body-empty">{unread}</p>}
    </div>
  );
}

/** Bytes as they came, codings undone. Covered values are not covered in them, so they need a reveal first. */
function Raw({ detail, half, onReveal }: { detail: RequestDetail; half: BodyHalf; onReveal: () => void }) {
  if (detail.hidden.length > 0) {
    return (
      <Held>
        <p>What is raw has secrets in it.</p>
        <Button onPress={onReveal}>Reveal</Button>
      </Held>
    );
  }
  return <RawBody id={detail.exchange.id} half={half} head={rawHead(detail, half)} />;
}

const Held = ({ children }: { children: ReactNode }) => <div className="side-held">{children}</div>;

function RawBody({ id, half, head }: { id: number; half: BodyHalf; head: string }) {
  const bridge = useBridge();
  const { answer } = useAnswer(useCallback(() => bridge.ask("request_body", { id, half }), [bridge, id, half]));
  if (answer.state === "asking") return null;
  if (answer.state === "refused") return <Held><p>{answer.error.message} {answer.error.hint}</p></Held>;
  const { base64, isWhole } = answer.value;
  return <CodeView text={`${head}\n${rawText(base64)}${isWhole ? "" : "\n… cut here"}`} language="plain" label={half === "request" ? "The request, raw" : "The answer, raw"} />;
}

function rawHead({ exchange }: RequestDetail, half: BodyHalf): string {
  const { request, response, protocol } = exchange;
  const words = (text: Header["name"]) => (typeof text === "string" ? text : text.base64);
  const lines = (headers: Header[]) => headers.map(({ name, value }) => `${words(name)}: ${words(value)}\n`).join("");
  if (half === "request") return `${words(request.method)} ${words(request.target)} ${protocol}\n${lines(request.headers)}`;
  return response ? `${protocol} ${response.status} ${words(response.reason ?? "")}\n${lines(response.headers)}` : "";
}
