import { COLORMAP_NAMES, COLORMAPS, type ColormapName } from "../image/colormaps";
import type { FieldLook } from "../image/paint";
import { store, useLive } from "../live/page";
import type { FieldName } from "../protocol";

const LOOKS: { look: FieldLook; label: string; title: string }[] = [
  { look: "phase", label: "Phase", title: "Phase in radians, its mean removed" },
  { look: "amplitude", label: "Ampl.", title: "Amplitude" },
  { look: "complex", label: "Complex", title: "Hue is the phase, brightness the amplitude" },
];

/** Phase, amplitude or complex, and in which colours. */
export function LookControls({ name }: { name: FieldName }) {
  const view = useLive((s) => s.views[name]);
  const { look, colormaps } = view;
  const set = (colormap: ColormapName) =>
    store.dispatch({ type: "view", name, settings: { colormaps: { ...colormaps, [look]: colormap } } });
  // Only phase goes in a circle.
  const offered = COLORMAP_NAMES.filter((map) => look === "phase" || !COLORMAPS[map].cyclic);
  return (
    <>
      <div className="segmented" role="group" aria-label={`What of the ${name} is shown`}>
        {LOOKS.map((choice) => (
          <button
            key={choice.look}
            type="button"
            title={choice.title}
            aria-pressed={look === choice.look}
            data-testid={`${name}-look-${choice.look}`}
            onClick={() => store.dispatch({ type: "view", name, settings: { look: choice.look } })}
          >
            {choice.label}
          </button>
        ))}
      </div>
      {look === "complex" ? null : (
        <select
          aria-label={`Colours of the ${name}`}
          data-testid={`${name}-colormap`}
          value={colormaps[look]}
          onChange={(event) => set(event.target.value as ColormapName)}
        >
          {offered.map((map) => (
            <option key={map} value={map}>
              {COLORMAPS[map].label}
            </option>
          ))}
        </select>
      )}
    </>
  );
}
