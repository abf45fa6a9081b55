import { scaleLinear } from "d3-scale";

import { COLORMAPS, gradient } from "../image/colormaps";
import { formatOnScale } from "../lib/format";
import { PhaseWheel } from "./PhaseWheel";
import type { Picture } from "./PictureCanvas";

/** What the colours mean. For the complex look: a wheel of phases, and the amplitude at full brightness. */
export function ColourBar({ picture }: { picture: Picture }) {
  const { look, colormap, levels } = picture;
  if (look === "complex") {
    return (
      <div className="colour-bar" data-testid="colour-bar">
        <PhaseWheel />
        <span className="unit">amplitude at full brightness</span>
        <b>{formatOnScale(levels.high, levels.high)}</b>
      </div>
    );
  }
  const turn = COLORMAPS[colormap].cyclic && look === "phase";
  const ticks = turn ? TURN_TICKS : linearTicks(levels.low, levels.high);
  const position = scaleLinear([levels.low, levels.high], [100, 0]);
  return (
    <div className="colour-bar" data-testid="colour-bar" data-low={levels.low} data-high={levels.high}>
      <span className="unit">{look === "phase" ? "rad" : "ampl."}</span>
      <div className="ramp" style={{ background: gradient(colormap, "to top") }} role="img" aria-label="Colour scale">
        {ticks.map(({ value, label }) => (
          <span key={value} className="tick" style={{ top: `${position(value)}%` }}>
            {label}
          </span>
        ))}
      </div>
    </div>
  );
}

const TICKS = 8;

const TURN_TICKS = [
  { value: -Math.PI, label: "−π" },
  { value: -Math.PI / 2, label: "−π/2" },
  { value: 0, label: "0" },
  { value: Math.PI / 2, label: "π/2" },
  { value: Math.PI, label: "π" },
];

function linearTicks(low: number, high: number): { value: number; label: string }[] {
  const scale = scaleLinear([low, high], [0, 1]);
  const label = scale.tickFormat(TICKS);
  return scale.ticks(TICKS).map((value) => ({ value, label: label(value) }));
}
