import { useState } from "react";

import { formatLength } from "../lib/format";
import { store, useLive } from "../live/page";
import { earlierReconstruction } from "../state/select";
import { EarlierProbe } from "./EarlierProbe";
import { liveFeed } from "./feeds";
import { FocusControl } from "./FocusControl";
import { LookControls } from "./LookControls";
import type { Picture } from "./PictureCanvas";
import { ProbeMosaic } from "./ProbeMosaic";
import { ScaleBarMark } from "./ScaleBarMark";

const FEED = liveFeed("probe");

/** The beam: every mode, along the beam, in numbers, and beside that of the scan before. */
export function ProbePanel() {
  const [picture, setPicture] = useState<Picture | null>(null);
  const [width, setWidth] = useState(0);
  const shown = useLive((s) => s.shown.probe);
  const beside = useLive((s) => s.looking.earlierProbe);
  const earlier = useLive(earlierReconstruction);
  const current = shown === null ? null : picture;
  return (
    <section className="panel probe" aria-label="Probe">
      <div className="panel-head">
        <h2>Probe</h2>
        <LookControls name="probe" />
        <button
          type="button"
          className="small"
          data-testid="probe-earlier"
          aria-pressed={beside}
          disabled={earlier === null}
          title={earlier === null ? "There is no scan before this one" : `Beside that of ${earlier.id}`}
          onClick={() => store.dispatch({ type: "look", change: { earlierProbe: !beside } })}
        >
          Previous
        </button>
      </div>
      <div className="probe-pair">
        <ProbeMosaic testId="probe-canvas" feed={FEED} picture={current} onPainted={setPicture} onWidth={setWidth} />
        {beside && earlier !== null ? <EarlierProbe reconstruction={earlier} /> : null}
      </div>
      {current === null ? null : (
        <>
          <FocusControl />
          <div className="caption">
            <ScaleBarMark metresPerPx={metresPerScreenPx(current, width)} mostPx={70} />
            <span>
              {current.image.full_shape[1]} px, {formatLength(current.image.full_shape[1] * current.image.pixel_m)} wide
              {current.image.shape[0] > 1 ? "; each mode on its own scale" : ""}
            </span>
          </div>
        </>
      )}
    </section>
  );
}

function metresPerScreenPx(picture: Picture, width: number): number {
  return (picture.image.pixel_m * picture.image.step * picture.width) / Math.max(1, width);
}
