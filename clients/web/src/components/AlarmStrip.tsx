import { store, useLive, useNow } from "../live/page";
import { alarms, type ShownAlarm } from "../state/alarms";

/** One line for each thing that is wrong; nothing where nothing is. */
export function AlarmStrip() {
  const now = useNow(500);
  const state = useLive((s) => s);
  const found = alarms(state, now);
  const notice = state.notice;
  if (found.length === 0 && notice === null) return null;
  return (
    <div className="alarm-strip" data-testid="alarm-strip" role="alert">
      {found.map((alarm) => (
        <AlarmLine key={alarm.id} alarm={alarm} />
      ))}
      {notice === null ? null : (
        <div className="alarm is-warning" data-testid="notice">
          <AlarmGlyph severity="warning" />
          <strong>{notice.text}</strong>
          <button
            type="button"
            className="quiet-button"
            onClick={() => store.dispatch({ type: "notice", notice: null })}
          >
            Dismiss
          </button>
        </div>
      )}
    </div>
  );
}

function AlarmLine({ alarm }: { alarm: ShownAlarm }) {
  return (
    <div className={`alarm is-${alarm.severity}`} data-testid={`alarm-${alarm.code}`}>
      <AlarmGlyph severity={alarm.severity} />
      <strong>{alarm.text}</strong>
      <span>{alarm.advice}</span>
    </div>
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
