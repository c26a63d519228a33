// Leaving while intercepts stand: restore first, or go on without a window.

import { useBridge } from "../bridge/use-bridge";
import { useAct } from "../bridge/use-act";
import { Button } from "../components/Button";
import { counted } from "../components/counted";
import { Dialog } from "../components/Dialog";
import { useIntercepts, useProgram } from "../state/use-desk";
import { isLive } from "./strip";

export function QuitDialog({ onClose }: { onClose: () => void }) {
  const { shell } = useBridge();
  const live = useIntercepts().filter(isLive);
  const hasTray = useProgram()?.hasTray ?? false;
  const restore = useAct(() => shell.quit("restore"), onClose);
  const keep = useAct(() => shell.quit("keep"), onClose);
  const error = restore.error ?? keep.error;
  const title = live.length === 0 ? "Quit Intercept?" : `${counted(live.length, "intercept")} ${live.length === 1 ? "is" : "are"} active`;
  return (
    <Dialog title={title} onClose={onClose}>
      <p>
        {live.length === 0
          ? "No intercept is active. The cluster is as it was."
          : "Quitting restores the cluster first: every request goes to the original pods again."}
      </p>
      {error && <p className="field-error" role="alert">{error.message} {error.hint}</p>}
      <div className="dialog-acts">
        <Button look="quiet" onPress={onClose}>Cancel</Button>
        {hasTray && live.length > 0 && <Button onPress={keep.begin} isDisabled={restore.isUnderway}>Keep running in tray</Button>}
        <Button look="primary" onPress={restore.begin} isDisabled={restore.isUnderway} autoFocus>
          {restore.isUnderway ? "Restoring…" : live.length === 0 ? "Quit" : "Restore and quit"}
        </Button>
      </div>
    </Dialog>
  );
}
