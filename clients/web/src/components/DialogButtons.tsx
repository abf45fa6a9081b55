import { openDialog } from "../live/acts";
import { useLive } from "../live/page";
import { observing } from "../state/operation";

interface DialogButtonsProps {
  yes: string;
  testId: string;
  danger?: boolean;
}

/** Cancel, and the one that does it: disabled, with the reason, for who only observes. */
export function DialogButtons({ yes, testId, danger = false }: DialogButtonsProps) {
  const why = useLive(observing);
  return (
    <div className="buttons">
      {why === null ? null : <span className="why">{why}</span>}
      <button type="button" onClick={() => openDialog(null)}>
        Cancel
      </button>
      <button type="submit" className={danger ? "danger" : "primary"} data-testid={testId} disabled={why !== null}>
        {yes}
      </button>
    </div>
  );
}
