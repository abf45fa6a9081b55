import { useMemo, useState } from "react";

import { useLive } from "../live/page";
import { fieldRequests } from "../live/subscription";
import type { ReconstructionStatus } from "../protocol";
import { fetchedFeed } from "./feeds";
import type { Picture } from "./PictureCanvas";
import { ProbeMosaic } from "./ProbeMosaic";

/** The probe that another reconstruction ended with, looked at in the same way, at the same distance. */
export function EarlierProbe({ reconstruction }: { reconstruction: ReconstructionStatus }) {
  const [picture, setPicture] = useState<Picture | null>(null);
  const [problem, setProblem] = useState("");
  const views = useLive((s) => s.views);
  const looking = useLive((s) => s.looking);
  const asked = JSON.stringify(fieldRequests({ views, looking, crop: null })[1]);
  const feed = useMemo(
    () => fetchedFeed({ reconstruction: reconstruction.id, at: null }, JSON.parse(asked), setProblem),
    [reconstruction.id, asked],
  );
  const title = problem === "" ? `before: ${reconstruction.scan}` : problem;
  return (
    <ProbeMosaic testId="earlier-probe" feed={feed} picture={picture} onPainted={setPicture} title={title} />
  );
}
