/** Which acts a reconstruction's state allows, so that a button is never pressed in vain. */
import type { Verb } from "../live/rest";
import type { ReconstructionStatus } from "../protocol";
import { reconstructionIsOver } from "./select";

/** Why an act is not possible now, or null where it is. */
export function hindrance(verb: Verb, recon: ReconstructionStatus | null): string | null {
  if (recon === null) return "There is no reconstruction";
  if (verb === "restart") return null;
  if (reconstructionIsOver(recon.state)) return `The reconstruction is ${recon.state}`;
  if (verb === "pause" && recon.state === "paused") return "The reconstruction is paused";
  if (verb === "resume" && recon.state !== "paused") return "The reconstruction is not paused";
  return null;
}
