import { wantControl } from "../live/acts";
import { useLive } from "../live/page";
import type { Asker } from "../protocol";
import { hasControl } from "../state/operation";

const NONE: Asker[] = [];

/** Asks who has control what to answer those who want it. */
export function Handover() {
  const asking = useLive((s) => (hasControl(s.operation) ? (s.operation.service?.control.asking ?? NONE) : NONE));
  if (asking.length === 0) return null;
  return (
    <div className="handover" role="alert" data-testid="handover">
      {asking.map(({ viewer, name }) => (
        <div className="alarm is-request" key={viewer}>
          <strong>{name} asks for control</strong>
          <span>Without an answer within 30 s it goes over.</span>
          <span className="grow" />
          <button type="button" className="primary" data-testid="hand-over" onClick={() => wantControl("give", viewer)}>
            Hand over
          </button>
          <button type="button" data-testid="decline" onClick={() => wantControl("decline", viewer)}>
            Keep it
          </button>
        </div>
      ))}
    </div>
  );
}
