/** What an operator must know at once, each with what it means and what to do. */
import { formatCount } from "../lib/format";
import { dataAge, isStale } from "../lib/timing";
import type { ReconstructionStatus, ScanStatus } from "../protocol";
import type { State } from "./model";
import { reconstructionsOf, selectedReconstruction, selectedScan } from "./select";

export interface Alarm {
  code: string;
  severity: "alarm" | "warning";
  text: string;
  advice: string;
}

/** Alarms of what is looked at, the worst first. */
export function alarms(state: State, localMs: number): Alarm[] {
  const scan = selectedScan(state);
  const recon = selectedReconstruction(state);
  const found: Alarm[] = [];
  if (state.connection === "lost") {
    found.push(alarm("disconnected", "No connection to the service", "What is shown no longer follows; reconnecting."));
  }
  if (scan !== null) found.push(...scanAlarms(scan));
  if (recon !== null) found.push(...reconstructionAlarms(recon));
  const newest = scan === null ? undefined : reconstructionsOf(state, scan.id)[0];
  // One that fails leaves the view to another that runs, and must not go unnoticed.
  if (newest !== undefined && newest.id !== recon?.id) found.push(...endedBadly(newest));
  const shown = state.shown.object;
  if (scan !== null && recon !== null && shown !== null) {
    const age = dataAge(shown.data_ns, localMs, state.offsetMs);
    if (isStale(age, scan, recon)) {
      const advice = `Frames arrive and ${formatCount(recon.lag)} wait: is the reconstruction too slow, or stuck?`;
      found.push(alarm("stale", "The picture no longer follows the scan", advice));
    }
  }
  return found.sort((a, b) => a.severity.localeCompare(b.severity));
}

function scanAlarms(scan: ScanStatus): Alarm[] {
  const found: Alarm[] = [];
  if (scan.state === "stalled") {
    found.push(alarm("stalled", "Scan stalled: no frames arrive", scan.message || "Check the detector and its sender."));
  } else if (scan.state === "aborted") {
    found.push(warning("aborted", "Scan aborted", scan.message || "What arrived until then is kept."));
  } else if (scan.message) {
    found.push(warning("scan-message", scan.message, ""));
  }
  if (scan.lost > 0) {
    const advice = "Never came, though later ones did; the rest is reconstructed without them.";
    found.push(warning("lost", `${formatCount(scan.lost)} frames lost`, advice));
  }
  if (scan.refused > 0) {
    const advice = "Wrong shape, beyond the scan's count or without a valid position; see the service's log.";
    found.push(warning("refused-rows", `${formatCount(scan.refused)} messages or rows refused`, advice));
  }
  return found;
}

function endedBadly(recon: ReconstructionStatus): Alarm[] {
  if (recon.state === "failed") {
    const advice = recon.message || "See the service's log; restart it.";
    return [alarm("failed", `Reconstruction ${recon.id} failed`, advice)];
  }
  if (recon.state === "refused") {
    const advice = recon.message || "It would not fit the device's memory; use a smaller crop or fewer modes.";
    return [alarm("refused", `Reconstruction ${recon.id} refused; the scan is recorded all the same`, advice)];
  }
  return [];
}

function reconstructionAlarms(recon: ReconstructionStatus): Alarm[] {
  const found = endedBadly(recon);
  if (found.length === 0 && recon.message) {
    found.push(warning("recon-message", recon.message, ""));
  }
  if (recon.outside > 0) {
    const advice = "Their positions leave the canvas; they are left out.";
    found.push(warning("outside", `${formatCount(recon.outside)} frames outside the canvas`, advice));
  }
  return found;
}

function alarm(code: string, text: string, advice: string): Alarm {
  return { code, severity: "alarm", text, advice };
}

function warning(code: string, text: string, advice: string): Alarm {
  return { code, severity: "warning", text, advice };
}
