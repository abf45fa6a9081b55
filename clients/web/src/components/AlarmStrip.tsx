import { acknowledgeAlarm } from "../live/acts";
import { store, useLive, useNow } from "../live/page";
import { alarms, type ShownAlarm } from "../state/alarms";
import { observing } from "../state/operation";
import { Handover } from "./Handover";

/** One line for each thing that is wrong; nothing where nothing is. What a person has seen takes little room. */
export function AlarmStrip() {
  const now = useNow(500);
  const state = useLive((s) => s);
  const found = alarms(state, now);
  const seen = found.filter((alarm) => alarm.acknowledged_by !== "");
  const unseen = found.filter((alarm) => alarm.acknowledged_by === "");
  const why = observing(state);
  return (
    <>
      <Handover />
      {unseen.length === 0 && state.notice === null ? null : (
        <div className="alarm-strip" data-testid="alarm-strip" role="alert">
          {unseen.map((alarm) => (
            <AlarmLine key={alarm.id} alarm={alarm} elsewhere={isElsewhere(alarm, state.scan)} why={why} />
          ))}
          {state.notice === null ? null : <NoticeLine text={state.notice.text} />}
        </div>
      )}
      {seen.length === 0 ? null : <SeenLine alarms={seen} />}
    </>
  );
}

function isElsewhere(alarm: ShownAlarm, scan: string | null): string | null {
  return alarm.scan === "" || alarm.scan === scan ? null : alarm.scan;
}

interface AlarmLineProps {
  alarm: ShownAlarm;
  /** The scan that it concerns, if it is not the one that is looked at. */
  elsewhere: string | null;
  why: string | null;
}

function AlarmLine({ alarm, elsewhere, why }: AlarmLineProps) {
  return (
    <div className={`alarm is-${alarm.severity}`} data-testid={`alarm-${alarm.code}`}>
      <AlarmGlyph severity={alarm.severity} />
      <strong>
        {elsewhere === null ? "" : `${elsewhere}: `}
        {alarm.text}
      </strong>
      <span className="alarm-words">
        {alarm.meaning} <b>{alarm.advice}</b>
      </span>
      {alarm.own ? null : (
        <button
          type="button"
          className="quiet-button"
          data-testid={`acknowledge-${alarm.code}`}
          disabled={why !== null}
          title={why ?? "Say that it was seen; it stays listed until it is over (k)"}
          onClick={() => acknowledgeAlarm(alarm.id)}
        >
          Acknowledge
        </button>
      )}
    </div>
  );
}

function NoticeLine({ text }: { text: string }) {
  return (
    <div className="alarm is-notice" data-testid="notice">
      <strong>{text}</strong>
      <button type="button" className="quiet-button" onClick={() => store.dispatch({ type: "notice", notice: null })}>
        Dismiss
      </button>
    </div>
  );
}

/** Alarms that somebody has seen and that are not over. */
function SeenLine({ alarms: seen }: { alarms: ShownAlarm[] }) {
  return (
    <ul className="seen" data-testid="seen-alarms" aria-label="Acknowledged alarms">
      {seen.map((alarm) => (
        <li key={alarm.id} data-testid={`seen-${alarm.code}`} title={`${alarm.meaning} ${alarm.advice}`}>
          <AlarmGlyph severity={alarm.severity} />
          {alarm.text} <span className="dim">seen by {alarm.acknowledged_by}</span>
        </li>
      ))}
    </ul>
  );
}

/** An octagon for an alarm, a triangle for a warning. */
function AlarmGlyph({ severity }: { severity: ShownAlarm["severity"] }) {
  const outline = severity === "alarm" ? "M5 1H11L15 5V11L11 15H5L1 11V5Z" : "M8 1.5 15.2 14.5H.8Z";
  return (
    <svg viewBox="0 0 16 16" role="img" aria-label={severity}>
      <path d={outline} className="solid" />
      <path d={severity === "alarm" ? "M8 4V9M8 10.8V12" : "M8 6V10M8 11.4V12.6"} className="mark" />
    </svg>
  );
}
