/** What remains, how old the picture is, and when it is too old: functions of the status alone. */
import type { ReconstructionStatus, ScanStatus } from "../protocol";

const NS = 1e9;
/** A picture is never called stale before this age. */
const LEAST_STALE_S = 5;
/** ... nor before this many chunks should have come. */
const STALE_CHUNKS = 2.5;

/** Seconds until the last planned frame, if it can be told. */
export function scanEta(scan: ScanStatus): number | null {
  if (scan.state !== "receiving" || scan.planned === null) return null;
  const rate = frameRate(scan);
  return rate > 0 ? Math.max(0, scan.planned - scan.received) / rate : null;
}

/** Seconds until the last of the final iterations. */
export function finishEta(recon: ReconstructionStatus): number | null {
  if (recon.total_iterations === null || recon.iteration_rate_hz <= 0) return null;
  return Math.max(0, recon.total_iterations - recon.iteration) / recon.iteration_rate_hz;
}

/** The detector's rate: as measured now or, while nothing comes, the mean of the scan so far. */
export function frameRate(scan: ScanStatus): number {
  if (scan.frame_rate_hz > 0) return scan.frame_rate_hz;
  const seconds = (scan.newest_ns - scan.created_ns) / NS;
  return seconds > 0 ? scan.received / seconds : 0;
}

/** Age in seconds of data that arrived at `dataNs` on the service's clock. */
export function dataAge(dataNs: number, localMs: number, offsetMs: number | null): number | null {
  if (dataNs <= 0 || offsetMs === null) return null;
  return Math.max(0, (localMs + offsetMs) / 1e3 - dataNs / NS);
}

/** Above this age the picture no longer follows the scan: a chunk takes its time to arrive, so it counts. */
export function staleAfter(scan: ScanStatus, recon: ReconstructionStatus): number {
  const chunk = typeof recon.live["chunk"] === "number" ? recon.live["chunk"] : 1;
  const rate = frameRate(scan);
  return Math.max(LEAST_STALE_S, rate > 0 ? (STALE_CHUNKS * chunk) / rate : 0);
}

export function isStale(age: number | null, scan: ScanStatus, recon: ReconstructionStatus): boolean {
  const follows = recon.state === "running" || recon.state === "waiting";
  return age !== null && scan.state === "receiving" && follows && age > staleAfter(scan, recon);
}
