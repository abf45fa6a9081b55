import { useState } from "react";

import { COLORMAPS } from "../image/colormaps";
import type { Levels } from "../image/levels";
import { formatOnScale } from "../lib/format";
import { quantityOf } from "../lib/quantity";
import { store, useLive } from "../live/page";
import type { FieldName } from "../protocol";
import { HistogramSlider } from "./HistogramSlider";
import type { Picture } from "./PictureCanvas";

interface LevelControlsProps {
  name: FieldName;
  picture: Picture | null;
}

/** Levels by percentile of the whole object, or locked to what a person wrote or dragged them to. */
export function LevelControls({ name, picture }: LevelControlsProps) {
  const { look, colormaps, locked } = useLive((s) => s.views[name]);
  const own = locked[look];
  const lock = (next: Levels | null) =>
    store.dispatch({ type: "view", name, settings: { locked: { ...locked, [look]: next } } });
  if (look === "phase" && COLORMAPS[colormaps.phase].cyclic) return <span className="label">−π … π</span>;
  const levels = picture?.levels ?? null;
  const shown = own ?? levels;
  const span = shown === null ? 0 : shown.high - shown.low;
  const quantity = look === "complex" ? "amplitude" : quantityOf(look);
  const histogram = picture?.image.layers.find((layer) => layer.quantity === quantity)?.histogram ?? null;
  return (
    <div className="levels" role="group" aria-label="Levels">
      <label className="check" title="From the 1st to the 99th percentile of what is covered; clear to lock">
        <input
          type="checkbox"
          data-testid="levels-auto"
          checked={own === null}
          disabled={levels === null}
          onChange={(event) => lock(event.target.checked ? null : levels)}
        />
        Auto levels
      </label>
      {(["low", "high"] as const).map((end) => (
        <LevelInput
          key={end}
          label={end === "low" ? "Lowest level" : "Highest level"}
          testId={`levels-${end}`}
          text={shown === null ? "" : formatOnScale(shown[end], span)}
          disabled={own === null}
          onValue={(value) => own !== null && lock({ ...own, [end]: value })}
        />
      ))}
      {histogram === null || shown === null ? null : (
        <HistogramSlider histogram={histogram} levels={shown} onLevels={lock} />
      )}
    </div>
  );
}

interface LevelInputProps {
  label: string;
  testId: string;
  text: string;
  disabled: boolean;
  onValue: (value: number) => void;
}

/** Takes a number when it is complete: on Enter or when left. */
function LevelInput({ label, testId, text, disabled, onValue }: LevelInputProps) {
  const [draft, setDraft] = useState<string | null>(null);
  const commit = () => {
    const value = Number(draft);
    if (draft !== null && draft !== text && draft.trim() !== "" && Number.isFinite(value)) onValue(value);
    setDraft(null);
  };
  return (
    <input
      type="text"
      inputMode="decimal"
      className="level"
      aria-label={label}
      data-testid={testId}
      disabled={disabled}
      value={draft ?? text}
      onFocus={() => setDraft(text)} // what is being edited must not be written anew beneath the cursor
      onChange={(event) => setDraft(event.target.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === "Enter") commit();
      }}
    />
  );
}
