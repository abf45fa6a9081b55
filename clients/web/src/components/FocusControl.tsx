import { formatLength, formatPhotons } from "../lib/format";
import { store, useLive } from "../live/page";
import { useFocus } from "./useFocus";

const go = (metres: number) => store.dispatch({ type: "look", change: { distance: metres } });

/** Along the beam with a slider, and what the service says of the focus. */
export function FocusControl() {
  const distance = useLive((s) => s.looking.distance);
  const focus = useFocus();
  if (focus === null) return null;
  const reach = focus.reach_m;
  const found = focus.inside ? "" : "No focus was found within reach: the probe still gets sharper at its end";
  return (
    <div className="focus">
      <div className="focus-slider">
        <button type="button" className="small" data-testid="at-sample" aria-pressed={distance === 0} onClick={() => go(0)}>
          Sample
        </button>
        <input
          type="range"
          aria-label="Distance along the beam"
          aria-valuetext={formatLength(distance)}
          data-testid="probe-distance"
          min={-reach}
          max={reach}
          step={reach / 200}
          value={distance}
          onChange={(event) => go(Number(event.target.value))}
        />
        <button
          type="button"
          className="small"
          data-testid="at-focus"
          disabled={!focus.inside}
          title={found || "Show the probe where it is sharpest"}
          onClick={() => go(-focus.defocus_m)}
        >
          Focus
        </button>
        <output data-testid="probe-at">{formatLength(distance)}</output>
      </div>
      <dl className="focus-figures" title={found}>
        <Figure name="defocus" testId="defocus" value={focus.inside ? formatLength(focus.defocus_m) : "–"} />
        <Figure
          name="FWHM x, y"
          testId="fwhm"
          value={focus.inside ? `${formatLength(focus.fwhm_m[1])}, ${formatLength(focus.fwhm_m[0])}` : "–"}
        />
        <Figure name="photons a frame" testId="photons" value={formatPhotons(focus.photons)} />
      </dl>
    </div>
  );
}

function Figure({ name, value, testId }: { name: string; value: string; testId: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-testid={testId}>{value}</dd>
    </div>
  );
}
