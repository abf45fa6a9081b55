import { downloadUrl } from "../live/rest";
import type { ReconstructionStatus } from "../protocol";
import { reconstructionIsOver } from "../state/select";

/** A new picture of one that runs, every so many times more snapshots. */
const STEPS = 16;

/** The object's phase, small; an empty place before there is any. */
export function Thumbnail({ recon }: { recon: ReconstructionStatus | null }) {
  if (recon === null || recon.snapshot === 0) return <span className="thumbnail" aria-hidden="true" />;
  const version = reconstructionIsOver(recon.state) ? `end${recon.snapshot}` : Math.ceil(recon.snapshot / STEPS);
  return <img className="thumbnail" alt="" loading="lazy" src={`${downloadUrl(recon.id, "thumbnail")}?v=${version}`} />;
}
