import { attempt, openDialog } from "../live/acts";
import { useLive } from "../live/page";
import { act, endScan } from "../live/rest";
import { ArmDialog } from "./ArmDialog";
import { ChangeDialog } from "./ChangeDialog";
import { ConfirmDialog } from "./ConfirmDialog";
import { ControlDialog } from "./ControlDialog";
import { HelpDialog } from "./HelpDialog";
import { ReplayDialog } from "./ReplayDialog";
import { StartDialog } from "./StartDialog";

/** The one window that is open, if any. */
export function Dialogs() {
  const dialog = useLive((s) => s.operation.dialog);
  switch (dialog) {
    case "start":
    case "restart":
      return <StartDialog key={dialog} instead={dialog === "restart"} />;
    case "change":
      return <ChangeDialog />;
    case "arm":
      return <ArmDialog />;
    case "replay":
      return <ReplayDialog />;
    case "help":
      return <HelpDialog />;
    case "person":
      return <ControlDialog />;
    case "stop":
      return <StopDialog />;
    case "abort":
      return <AbortDialog />;
    case null:
      return null;
  }
}

function StopDialog() {
  const id = useLive((s) => s.reconstruction);
  if (id === null) return null;
  return (
    <ConfirmDialog
      title={`Stop reconstruction ${id}?`}
      text="It ends where it is, writes its result, and cannot be resumed. The scan goes on being recorded."
      yes="Stop it"
      onClose={() => openDialog(null)}
      onYes={() => {
        openDialog(null);
        void attempt(`stop ${id}`, () => act(id, "stop"));
      }}
    />
  );
}

function AbortDialog() {
  const scan = useLive((s) => s.scan);
  const armed = useLive((s) => (s.scan === null ? false : s.scans[s.scan]?.state === "armed"));
  if (scan === null) return null;
  return (
    <ConfirmDialog
      title={armed ? `Disarm ${scan}?` : `Abort scan ${scan}?`}
      text={
        armed
          ? "What was filled in is forgotten; the next scan of this name runs what its sender says."
          : "No further frame is accepted, and this cannot be taken back. What was recorded is reconstructed to its end."
      }
      yes={armed ? "Disarm it" : "Abort it"}
      onClose={() => openDialog(null)}
      onYes={() => {
        openDialog(null);
        void attempt(`abort ${scan}`, () => endScan(scan, "abort"));
      }}
    />
  );
}
