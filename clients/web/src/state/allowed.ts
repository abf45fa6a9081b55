/** Which acts a state allows, so that a button is never pressed in vain. */
import type { Verb } from "../live/rest";
import type { ReconstructionStatus, ScanStatus } from "../protocol";
import { reconstructionIsOver, scanIsOver } from "./select";

/** Why an act on a reconstruction is not possible now, or null where it is. */
export function hindrance(verb: Verb | "change", recon: ReconstructionStatus | null): string | null {
  if (recon === null) return "There is no reconstruction";
  if (verb === "restart") return null;
  if (reconstructionIsOver(recon.state)) return `The reconstruction is ${recon.state}`;
  if (verb === "pause" && recon.state === "paused") return "The reconstruction is paused";
  if (verb === "resume" && recon.state !== "paused") return "The reconstruction is not paused";
  return null;
}

/** Why an act on a scan is not possible now, or null where it is. */
export function scanHindrance(act: "attach" | "abort", scan: ScanStatus | null): string | null {
  if (scan === null) return "There is no scan";
  if (act === "attach" && scan.state === "armed") return "The scan has not begun";
  if (act === "abort" && scanIsOver(scan.state)) return `The scan is ${scan.state}`;
  return null;
}
