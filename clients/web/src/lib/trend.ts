/** Where an error curve is heading: relative change over its last rows. */

export interface Trend {
  /** Relative change a row, by least squares on the logarithm. */
  slope: number;
  word: "falling" | "flat" | "rising";
}

/** Rows that have a value. */
const ROWS = 20;
const LEAST_ROWS = 5;
/** Less than a tenth of a percent a row looks flat on a screen. */
const FLAT = 1e-3;

/** Only since the last frames came in: new frames lift the error, which is no news of convergence. */
export function trend(values: Float64Array, frames: Float64Array): Trend | null {
  const now = frames.at(-1);
  const points: [number, number][] = [];
  for (let row = values.length - 1; row >= 0 && frames[row] === now && points.length < ROWS; row--) {
    const value = values[row] ?? Number.NaN;
    if (value > 0) points.push([row, Math.log(value)]);
  }
  if (points.length < LEAST_ROWS) return null;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread;
  return { slope, word: Math.abs(slope) < FLAT ? "flat" : slope < 0 ? "falling" : "rising" };
}
