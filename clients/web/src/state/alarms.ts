/** What is wrong with what is looked at: what the service says, and what only this page can know. */
import { formatAge, formatCount } from "../lib/format";
import { dataAge, isStale } from "../lib/timing";
import type { Alarm } from "../protocol";
import type { State } from "./model";
import { selectedReconstruction, selectedScan } from "./select";

/** An alarm that can be acknowledged has an id of the service; this page's own ones go with their cause. */
export type ShownAlarm = Pick<Alarm, "id" | "code" | "severity" | "scan" | "text" | "meaning" | "advice" | "acknowledged_by"> & {
  own?: boolean;
};

const STEP_S = 5;

/** Alarms to be shown, the worst that nobody has seen yet first. */
export function alarms(state: State, localMs: number): ShownAlarm[] {
  const lost: ShownAlarm[] =
    state.connection === "lost"
      ? [own("disconnected", "No connection to the service", "What is shown no longer follows.", "The page connects again by itself; if this stays, look at the network and the service.")]
      : [];
  return [...lost, ...stale(state, localMs), ...state.operation.alarms.filter((alarm) => concerns(alarm, state))];
}

/** The service itself, the scan that is looked at, and any other scan where something is badly wrong. */
function concerns(alarm: Alarm, state: State): boolean {
  return alarm.scan === "" || alarm.scan === state.scan || (alarm.severity === "alarm" && alarm.acknowledged_by === "");
}

function stale(state: State, localMs: number): ShownAlarm[] {
  const [scan, recon, shown] = [selectedScan(state), selectedReconstruction(state), state.shown.object];
  if (scan === null || recon === null || shown === null) return [];
  const age = dataAge(shown.data_ns, localMs, state.offsetMs);
  if (!isStale(age, scan, recon)) return [];
  // In steps, so that a screen reader does not say it anew every second.
  const text = `The picture is ${formatAge(STEP_S * Math.floor((age ?? 0) / STEP_S))} old`;
  const meaning = `Frames arrive, and ${formatCount(recon.lag)} wait to be taken in.`;
  return [own("stale", text, meaning, "Is the reconstruction too slow for this chunk, or stuck? Is the network slow?")];
}

function own(code: string, text: string, meaning: string, advice: string): ShownAlarm {
  return { id: code, code, severity: "alarm", scan: "", text, meaning, advice, acknowledged_by: "", own: true };
}
