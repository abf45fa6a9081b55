import { openDialog, pauseOrResume, wantControl } from "../live/acts";
import { useLive } from "../live/page";
import type { Verb } from "../live/rest";
import type { DialogName } from "../state/model";
import { hindrance, scanHindrance } from "../state/allowed";
import { observing } from "../state/operation";
import { selectedReconstruction, selectedScan } from "../state/select";
import { Downloads } from "./Downloads";

/** The acts on what is looked at. */
export function ControlBar() {
  const recon = useLive(selectedReconstruction);
  const scan = useLive(selectedScan);
  const why = useLive(observing);
  const paused = recon?.state === "paused";
  const verb = (name: Verb | "change") => why ?? hindrance(name, recon);
  return (
    <footer className="control-bar" aria-label="Controls">
      <Opens dialog="start" label="Attach…" why={why ?? scanHindrance("attach", scan)} primary />
      <Opens dialog="change" label="Change…" why={verb("change")} />
      <span className="divider" />
      <Act name={paused ? "resume" : "pause"} label={paused ? "Resume" : "Pause"} why={verb(paused ? "resume" : "pause")} onClick={pauseOrResume} />
      <Act name="stop" label="Stop…" why={verb("stop")} onClick={() => openDialog("stop")} />
      <Act name="restart" label="Restart…" why={verb("restart")} onClick={() => openDialog("restart")} />
      <span className="divider" />
      <Opens dialog="abort" label={scan?.state === "armed" ? "Disarm…" : "Abort scan…"} why={why ?? scanHindrance("abort", scan)} />
      <Opens dialog="replay" label="Replay…" why={why} />
      <Opens dialog="arm" label="Arm…" why={why} />
      <Observing why={why} />
      <span className="grow" />
      <Downloads recon={recon} />
      <button type="button" data-testid="help" aria-label="Keys" title="Keys (?)" onClick={() => openDialog("help")}>
        ?
      </button>
    </footer>
  );
}

/** Why the buttons are disabled, and what to do about it. */
function Observing({ why }: { why: string | null }) {
  const asks = useLive(
    (s) => s.operation.service?.control.asking.some((each) => each.viewer === s.operation.viewer) ?? false,
  );
  const connected = useLive((s) => s.connection === "open");
  if (why === null) return null;
  return (
    <span className="observing" data-testid="observing">
      {asks ? "Asked for control; waiting for an answer" : why.split(":")[0]}
      {connected && !asks ? (
        <button type="button" data-testid="ask-control" onClick={() => wantControl("ask")}>
          Ask for control
        </button>
      ) : null}
    </span>
  );
}

interface OpensProps {
  dialog: DialogName;
  label: string;
  why: string | null;
  primary?: boolean;
}

/** A button that opens a window. */
function Opens({ dialog, label, why, primary = false }: OpensProps) {
  return (
    <button
      type="button"
      className={primary ? "primary" : ""}
      data-testid={`open-${dialog}`}
      disabled={why !== null}
      title={why ?? undefined}
      onClick={() => openDialog(dialog)}
    >
      {label}
    </button>
  );
}

const PATHS: Record<Verb, string> = {
  pause: "M4 3H6.6V13H4ZM9.4 3H12V13H9.4Z",
  resume: "M4 2.5 13.5 8 4 13.5Z",
  stop: "M3.5 3.5H12.5V12.5H3.5Z",
  restart: "M13 8A5 5 0 1 1 8 3H11.5M9 .8 11.5 3 9 5.4",
};

interface ActProps {
  name: Verb;
  label: string;
  why: string | null;
  onClick: () => void;
}

function Act({ name, label, why, onClick }: ActProps) {
  return (
    <button type="button" data-testid={name} disabled={why !== null} title={why ?? undefined} onClick={onClick}>
      <svg className="glyph" viewBox="0 0 16 16" aria-hidden="true">
        <path d={PATHS[name]} className={name === "restart" ? "line" : "solid"} />
      </svg>
      {label}
    </button>
  );
}
