// The mocks that are switched on, how often each has answered, and their switches.

import { Dialog, DialogTrigger, Heading, Popover } from "react-aria-components";

import type { MockView } from "../../bindings/wire";
import { Button } from "../../components/Button";
import { counted } from "../../components/counted";

interface Props {
  mocks: readonly MockView[];
  onOff: (number: number) => void;
  onOpen: () => void;
}

/** Absent while there are none. */
export function MocksBox({ mocks, onOff, onOpen }: Props) {
  if (mocks.length === 0) return null;
  return (
    <DialogTrigger onOpenChange={(isOpen) => { if (isOpen) onOpen(); }}>
      <Button>{counted(mocks.length, "mock")} on</Button>
      <Popover className="popover box" placement="bottom end">
        <Dialog className="box-dialog">
          <Heading slot="title" className="box-title">Mocks answer in place of your program</Heading>
          <ul className="mocks">
            {mocks.map(({ number, filter, status, answered }) => (
              <li key={number} className="mock">
                <span className="mock-words"><span className="mono">{filter}</span><span className="mock-count">{status}, answered {counted(answered, "time")}</span></span>
                <Button aria-label={`Switch off mock ${number}`} onPress={() => { onOff(number); }}>Switch off</Button>
              </li>
            ))}
          </ul>
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}
