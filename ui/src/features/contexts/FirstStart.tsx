// What somebody without a cluster is offered: the sandbox.

import { FlaskConical } from "lucide-react";
import type { ReactNode } from "react";

import type { CommandError } from "../../bindings/wire";
import { useAct } from "../../bridge/use-act";
import { useBridge } from "../../bridge/use-bridge";
import { Button } from "../../components/Button";
import { LookAgain } from "../../components/LookAgain";
import { ErrorNotice, Notice } from "../../components/Notice";

interface Props {
  /** Why there is no cluster; nothing where the kubeconfig merely is empty. */
  why: CommandError | null;
  onLookAgain: () => void;
}

export function FirstStart({ why, onLookAgain }: Props) {
  const bridge = useBridge();
  const sandbox = useAct(bridge.trySandbox, onLookAgain);
  const acts = (
    <>
      <Button look="primary" onPress={sandbox.begin} isDisabled={sandbox.isUnderway}>
        <FlaskConical size={14} strokeWidth={1.5} aria-hidden />
        Try the sandbox
      </Button>
      <LookAgain onLookAgain={onLookAgain} />
    </>
  );
  if (sandbox.error) {
    const { message, hint } = sandbox.error;
    return <ErrorNotice title="The sandbox does not start" message={message} hint={hint} acts={acts} />;
  }
  return <Reason why={why} acts={acts} />;
}

function Reason({ why, acts }: { why: CommandError | null; acts: ReactNode }) {
  const offer = (
    <p>
      No cluster at hand? The sandbox is a small Kubernetes inside this program, with a sample shop to try Intercept on.
      It ends with this window, and nothing of it stays.
    </p>
  );
  if (why) {
    return <ErrorNotice title="No cluster yet" message={why.message} hint={why.hint} acts={acts}>{offer}</ErrorNotice>;
  }
  return (
    <Notice title="No contexts yet" acts={acts}>
      <p>The kubeconfig names no cluster. Let your cluster’s tool add one, then look again.</p>
      {offer}
    </Notice>
  );
}
