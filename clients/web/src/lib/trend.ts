/** Where an error curve is heading: relative change over its last rows. */

export interface Trend {
  /** Relative change a row, by least squares on the logarithm. */
  slope: number;
  word: "falling" | "flat" | "rising";
}

const ROWS = 20;
/** Less than a tenth of a percent a row looks flat on a screen. */
const FLAT = 1e-3;

export function trend(values: Float64Array): Trend | null {
  const last = values.subarray(Math.max(0, values.length - ROWS));
  const points: [number, number][] = [];
  last.forEach((value, i) => {
    if (value > 0) points.push([i, Math.log(value)]);
  });
  if (points.length < 3) return null;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread;
  return { slope, word: Math.abs(slope) < FLAT ? "flat" : slope < 0 ? "falling" : "rising" };
}
