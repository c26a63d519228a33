// What stands where the window broke: a page that needs nothing of it, and can still stop everything.

import { Component, useState, type ReactNode } from "react";

import type { Bridge } from "../bridge/bridge";
import { asRefusal } from "../bridge/bridge";
import { Button } from "../components/Button";
import { ErrorNotice } from "../components/Notice";
import "./palette.css";

interface Props {
  bridge: Bridge;
  children: ReactNode;
}

export class Crash extends Component<Props, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(thrown: unknown): { error: Error } {
    return { error: thrown instanceof Error ? thrown : new Error(String(thrown)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (!error) return this.props.children;
    return <CrashPage bridge={this.props.bridge} error={error} onAgain={() => { this.setState({ error: null }); }} />;
  }
}

function CrashPage({ bridge, error, onAgain }: { bridge: Bridge; error: Error; onAgain: () => void }) {
  const [said, setSaid] = useState("Intercepts go on as they were: only the window broke.");
  const stop = () => {
    setSaid("Restoring the cluster…");
    bridge.ask("stop_all", {}).then(
      () => { setSaid("Everything is stopped. The original pods answer every request."); },
      (thrown: unknown) => { setSaid(asRefusal(thrown).message); },
    );
  };
  return (
    <main className="crash">
      <ErrorNotice
        title="The window broke" message={error.message} hint={said}
        acts={
          <>
            <Button look="primary" onPress={onAgain}>Show it again</Button>
            <Button onPress={stop}>Stop everything and restore</Button>
            <Button look="quiet" onPress={() => { void bridge.shell.copyText(`${error.message}\n${error.stack ?? ""}`); }}>Copy details</Button>
          </>
        }
      />
    </main>
  );
}
