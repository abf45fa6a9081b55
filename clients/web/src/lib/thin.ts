/** Which rows of a long curve to draw, so that a million of them cost no more than a few hundred. */

/**
 * At most about `most` rows between two row numbers, in order: of each stretch the lowest and the highest value, so
 * that no peak is lost, and the last row of all.
 */
export function thinned(values: Float64Array, from: number, to: number, most: number): number[] {
  const count = to - from;
  if (count <= most) return Array.from({ length: Math.max(0, count) }, (_, i) => from + i);
  const stretches = Math.floor(most / 2);
  const rows: number[] = [];
  for (let stretch = 0; stretch < stretches; stretch++) {
    const first = from + Math.floor((stretch * count) / stretches);
    const end = from + Math.floor(((stretch + 1) * count) / stretches);
    const [low, high] = extremes(values, first, end);
    rows.push(Math.min(low, high));
    if (low !== high) rows.push(Math.max(low, high));
  }
  if (rows.at(-1) !== to - 1) rows.push(to - 1);
  return rows;
}

/** Rows of the lowest and the highest value; the first row where none is known. */
function extremes(values: Float64Array, first: number, end: number): [number, number] {
  let [low, high] = [first, first];
  for (let row = first; row < end; row++) {
    const value = values[row] ?? Number.NaN;
    if (value < (values[low] ?? Number.NaN) || Number.isNaN(values[low])) low = row;
    if (value > (values[high] ?? Number.NaN) || Number.isNaN(values[high])) high = row;
  }
  return [low, high];
}

/** Iterations that were the first to see more frames than the one before: where chunks arrived. */
export function arrivals(iterations: Float64Array, frames: Float64Array): number[] {
  const found: number[] = [];
  for (let row = 0; row < frames.length; row++) {
    if ((frames[row] ?? 0) > (row === 0 ? 0 : (frames[row - 1] ?? 0))) found.push(iterations[row] ?? 0);
  }
  return found;
}
