import { openDialog } from "../live/acts";
import { useLive } from "../live/page";
import { hasControl } from "../state/operation";

/** Who has control, by word and by shape: a key for who has it, an eye for who observes. */
export function ControlState() {
  const control = useLive((s) => s.operation.service?.control ?? null);
  const mine = useLive((s) => hasControl(s.operation));
  if (control === null) return null;
  const free = control.holder === "";
  const path = mine || free ? "M5 5.5A3 3 0 1 0 5 10.5A3 3 0 1 0 5 5.5M8 8H14.5V11M12 8V10" : "M1 8C4 3.5 12 3.5 15 8C12 12.5 4 12.5 1 8ZM8 6.2A1.8 1.8 0 1 1 8 9.8A1.8 1.8 0 1 1 8 6.2";
  return (
    <button
      type="button"
      className={`control-state ${mine ? "is-mine" : ""}`}
      data-testid="control"
      data-holder={free ? "free" : mine ? "you" : "other"}
      title={free ? "Whoever acts first takes control" : mine ? "You have control" : `You observe; ${control.name} has control`}
      onClick={() => openDialog("person")}
    >
      <span className="stat-label">control</span>
      <span className="control-name">
        <svg className="glyph" viewBox="0 0 16 16" aria-hidden="true">
          <path d={path} className="line" />
        </svg>
        {free ? "free" : mine ? "you" : control.name}
      </span>
    </button>
  );
}
