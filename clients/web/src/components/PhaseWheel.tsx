import { COLORMAPS } from "../image/colormaps";

/** Phase 0 is on the right and grows against the clock, as in a textbook; CSS turns with the clock from the top. */
const STOPS = Array.from({ length: 25 }, (_, i) => {
  const phase = (((90 - 15 * i) % 360) + 360) % 360;
  return `rgb(${COLORMAPS.wheel.at(((phase + 180) % 360) / 360).join(" ")}) ${15 * i}deg`;
});
const BACKGROUND = `radial-gradient(closest-side, black, transparent 96%), conic-gradient(${STOPS.join(", ")})`;

export function PhaseWheel() {
  return (
    <div className="phase-wheel" role="img" aria-label="Hue is the phase, brightness the amplitude">
      <div style={{ background: BACKGROUND }} />
      <span className="east">0</span>
      <span className="north">π/2</span>
      <span className="west">π</span>
      <span className="south">−π/2</span>
    </div>
  );
}
