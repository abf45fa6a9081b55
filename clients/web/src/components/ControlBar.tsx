import { useState } from "react";

import { act, restart, type Verb } from "../live/rest";
import { notify, store, useLive } from "../live/page";
import type { ReconstructionStatus } from "../protocol";
import { hindrance } from "../state/allowed";
import { selectedReconstruction } from "../state/select";
import { ConfirmDialog } from "./ConfirmDialog";
import { Downloads } from "./Downloads";
import { StartControl } from "./StartControl";

async function perform(recon: ReconstructionStatus, verb: Verb): Promise<void> {
  try {
    const answer = await (verb === "restart" ? restart(recon.id, {}) : act(recon.id, verb));
    if (verb === "restart") store.dispatch({ type: "started", reconstruction: answer });
  } catch (error) {
    notify(`Could not ${verb} ${recon.id}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The acts on what is looked at. */
export function ControlBar() {
  const recon = useLive(selectedReconstruction);
  const [asking, setAsking] = useState(false);
  const paused = recon?.state === "paused";
  return (
    <footer className="control-bar" aria-label="Controls">
      <StartControl />
      <span className="divider" />
      {paused ? (
        <ActButton verb="resume" recon={recon} label="Resume" />
      ) : (
        <ActButton verb="pause" recon={recon} label="Pause" />
      )}
      <ActButton verb="stop" recon={recon} label="Stop…" onClick={() => setAsking(true)} />
      <ActButton verb="restart" recon={recon} label="Restart" />
      <span className="grow" />
      <Downloads recon={recon} />
      {asking && recon !== null ? (
        <ConfirmDialog
          title={`Stop reconstruction ${recon.id}?`}
          text="It ends where it is and cannot be resumed. The scan goes on being recorded."
          yes="Stop it"
          onYes={() => {
            setAsking(false);
            void perform(recon, "stop");
          }}
          onClose={() => setAsking(false)}
        />
      ) : null}
    </footer>
  );
}

interface ActButtonProps {
  verb: Verb;
  recon: ReconstructionStatus | null;
  label: string;
  onClick?: () => void;
}

const PATHS: Record<Verb, string> = {
  pause: "M4 3H6.6V13H4ZM9.4 3H12V13H9.4Z",
  resume: "M4 2.5 13.5 8 4 13.5Z",
  stop: "M3.5 3.5H12.5V12.5H3.5Z",
  restart: "M13 8A5 5 0 1 1 8 3H11.5M9 .8 11.5 3 9 5.4",
};

function ActButton({ verb, recon, label, onClick }: ActButtonProps) {
  const why = hindrance(verb, recon);
  return (
    <button
      type="button"
      data-testid={verb}
      disabled={why !== null}
      title={why ?? undefined}
      onClick={onClick ?? (() => recon !== null && void perform(recon, verb))}
    >
      <svg className="glyph" viewBox="0 0 16 16" aria-hidden="true">
        <path d={PATHS[verb]} className={verb === "restart" ? "line" : "solid"} />
      </svg>
      {label}
    </button>
  );
}
