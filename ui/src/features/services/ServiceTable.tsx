// The list. Only the rows in sight are drawn, so that a cluster with thousands of Services stays quick.

import { GitBranch } from "lucide-react";
import {
  Cell, Column, Row, Table, TableBody, TableHeader, TableLayout, Virtualizer,
} from "react-aria-components";

import type { Service } from "../../bindings/wire";
import { Button } from "../../components/Button";
import { counted } from "../../components/counted";
import { Notice } from "../../components/Notice";
import { portText } from "./matching";

// --row of tokens.css: the layout places rows before any style is known.
const rowHeight = 28;

interface Props {
  services: Service[];
  filter: string;
  onClearFilter: () => void;
}

export function ServiceTable({ services, filter, onClearFilter }: Props) {
  return (
    <Virtualizer layout={TableLayout} layoutOptions={{ rowHeight, headingHeight: rowHeight }}>
      <Table className="table" aria-label="Services" selectionMode="single" selectionBehavior="replace">
        <TableHeader className="table-head">
          <Column className="column column-name" isRowHeader width="3fr" minWidth={120}>Service</Column>
          <Column className="column" width="2fr" minWidth={90}>Namespace</Column>
          <Column className="column" width={104}>Type</Column>
          <Column className="column" width="3fr" minWidth={120}>Ports</Column>
          <Column className="column column-number" width={64}>Ready</Column>
          <Column className="column" width="4fr" minWidth={140}>Intercept</Column>
        </TableHeader>
        <TableBody
          items={services}
          renderEmptyState={() => <NothingMatches filter={filter} onClearFilter={onClearFilter} />}
        >
          {(service) => <ServiceRow service={service} id={`${service.namespace}/${service.name}`} />}
        </TableBody>
      </Table>
    </Virtualizer>
  );
}

function ServiceRow({ service, id }: { service: Service; id: string }) {
  const isNoPodsNews = service.readyEndpoints === 0 && service.obstacle === null;
  return (
    <Row id={id} className={service.obstacle === null ? "row" : "row row-closed"} textValue={service.name}>
      <Cell className="cell cell-name">{service.name}</Cell>
      <Cell className="cell">{service.namespace}</Cell>
      <Cell className="cell">{service.kind}</Cell>
      <Cell className="cell mono">{service.ports.map(portText).join("  ")}</Cell>
      <Cell className={isNoPodsNews ? "cell cell-number cell-bad" : "cell cell-number"}>{service.readyEndpoints}</Cell>
      <Cell className="cell">
        <State service={service} />
      </Cell>
    </Row>
  );
}

function State({ service }: { service: Service }) {
  if (service.obstacle !== null) return <span title={service.obstacle}>{service.obstacle}</span>;
  if (service.interceptCount > 0) {
    return (
      <span className="cell-intercepts">
        <GitBranch size={14} strokeWidth={1.5} aria-hidden />
        {counted(service.interceptCount, "intercept")}
      </span>
    );
  }
  if (service.readyEndpoints === 0) return <span className="cell-bad">no endpoint is ready</span>;
  return null;
}

function NothingMatches({ filter, onClearFilter }: { filter: string; onClearFilter: () => void }) {
  return (
    <div className="services-words">
      <Notice title="Nothing matches" acts={<Button onPress={onClearFilter}>Empty the filter</Button>}>
        <p>
          No name, namespace, type or port has <span className="mono selectable">{filter}</span>.
        </p>
      </Notice>
    </div>
  );
}
