/** What is looked at, and in which order things are listed. */
import { RECONSTRUCTION_OVER, SCAN_OVER, type ReconstructionState, type ScanState } from "../protocol";
import type { ReconstructionStatus, ScanStatus } from "../protocol";
import { NO_SERIES, type SeriesOf, type State } from "./model";

export function scanIsOver(state: ScanState): boolean {
  return (SCAN_OVER as readonly ScanState[]).includes(state);
}

export function reconstructionIsOver(state: ReconstructionState): boolean {
  return (RECONSTRUCTION_OVER as readonly ReconstructionState[]).includes(state);
}

export function newestFirst<T extends { created_ns: number; id: string }>(items: Record<string, T>): T[] {
  return Object.values(items).sort((a, b) => b.created_ns - a.created_ns || b.id.localeCompare(a.id));
}

/** Reconstructions of a scan, newest first. */
export function reconstructionsOf(state: Pick<State, "reconstructions">, scan: string): ReconstructionStatus[] {
  return newestFirst(state.reconstructions).filter((r) => r.scan === scan);
}

/**
 * Holds on to what was chosen for as long as it exists or, when following, goes to the newest that is live. Where
 * nothing is live the picture stays: the end of a scan must not put another one before one's eyes.
 */
export function settleSelection(state: State): State {
  const scans = newestFirst(state.scans);
  const liveScan = scans.find((s) => s.state === "receiving" || s.state === "stalled");
  const begun = scans.find((s) => s.received > 0);
  const scan = choose(state.follow, liveScan, scans, state.scan) ?? begun ?? scans[0];
  const own = scan === undefined ? [] : reconstructionsOf(state, scan.id);
  const live = own.find((r) => !reconstructionIsOver(r.state));
  const reconstruction = choose(state.follow, live, own, state.reconstruction) ?? own[0];
  const [scanId, id] = [scan?.id ?? null, reconstruction?.id ?? null];
  if (scanId === state.scan && id === state.reconstruction) return state;
  const same = id === state.reconstruction;
  const shown = same ? state.shown : { object: null, probe: null };
  return { ...state, scan: scanId, reconstruction: id, shown, crop: same ? state.crop : null };
}

function choose<T extends { id: string }>(
  follow: boolean,
  live: T | undefined,
  all: T[],
  current: string | null,
): T | undefined {
  const held = all.find((each) => each.id === current);
  return follow ? (live ?? held) : (held ?? live);
}

export function selectedScan(state: State): ScanStatus | null {
  return state.scan === null ? null : (state.scans[state.scan] ?? null);
}

export function selectedReconstruction(state: State): ReconstructionStatus | null {
  return state.reconstruction === null ? null : (state.reconstructions[state.reconstruction] ?? null);
}

export function selectedSeries(state: State): SeriesOf {
  return state.reconstruction === null ? NO_SERIES : (state.series[state.reconstruction] ?? NO_SERIES);
}

/** The newest reconstruction with a picture of the scan before the one that is looked at. */
export function earlierReconstruction(state: State): ReconstructionStatus | null {
  const now = selectedScan(state);
  if (now === null) return null;
  const before = newestFirst(state.scans).filter((s) => s.created_ns < now.created_ns);
  for (const { id } of before) {
    const found = reconstructionsOf(state, id).find((r) => r.snapshot > 0);
    if (found !== undefined) return found;
  }
  return null;
}
