import { formatAge, formatCount } from "../lib/format";
import { store, useLive } from "../live/page";
import type { Moment } from "../protocol";
import type { Looking } from "../state/looking";
import { selectedReconstruction } from "../state/select";
import { BesideChoice } from "./BesideChoice";
import { useMoments } from "./useMoments";
import { ViewSettings } from "./ViewSettings";

const look = (change: Partial<Looking>) => store.dispatch({ type: "look", change });

/** Through the history of the reconstruction, back to what is live, held still, or beside another. */
export function HistoryBar() {
  const recon = useLive(selectedReconstruction);
  const { at, frozen } = useLive((s) => s.looking);
  const moments = useMoments(recon);
  const live = at === null && !frozen;
  return (
    <section className="history" aria-label="History">
      <button
        type="button"
        data-testid="live"
        aria-pressed={live}
        title="Follow the latest picture (L)"
        onClick={() => look({ at: null, frozen: false })}
      >
        <span aria-hidden="true">{live ? "●" : "○"}</span> Live
      </button>
      <button
        type="button"
        data-testid="freeze"
        aria-pressed={frozen}
        title="Hold the pictures; the curve and all numbers go on (F)"
        onClick={() => look({ frozen: !frozen })}
      >
        Freeze
      </button>
      <Slider moments={moments} at={at} />
      <BesideChoice recon={recon} moments={moments} />
      <ViewSettings />
    </section>
  );
}

/** All kept moments, and the latest picture as the last one. */
function Slider({ moments, at }: { moments: Moment[]; at: number | null }) {
  const found = moments.findIndex((moment) => moment.iteration === at);
  const place = at === null || found < 0 ? moments.length : found;
  const moment = moments[place];
  const text = moment === undefined ? "latest" : `iteration ${formatCount(moment.iteration)}`;
  return (
    <>
      <input
        type="range"
        className="history-slider"
        aria-label="Moment of the history"
        aria-valuetext={text}
        data-testid="history"
        data-moments={moments.length}
        min={0}
        max={moments.length}
        step={1}
        value={place}
        disabled={moments.length === 0}
        onChange={(event) => look({ at: moments[Number(event.target.value)]?.iteration ?? null, frozen: false })}
      />
      <output className="history-at" data-testid="history-at">
        {text}
        {moment === undefined ? "" : ` · ${formatCount(moment.frames)} frames · ${since(moments, moment)}`}
      </output>
    </>
  );
}

/** Data time since the first kept moment. */
function since(moments: Moment[], moment: Moment): string {
  const first = moments[0]?.data_ns ?? moment.data_ns;
  return `+${formatAge((moment.data_ns - first) / 1e9)}`;
}
