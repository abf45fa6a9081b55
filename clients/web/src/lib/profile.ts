/** A profile as the path of a drawing. */
import type { Profile } from "../image/measure";

export interface DrawnProfile {
  path: string;
  low: number;
  high: number;
}

/** The path in a box of this size, broken where there is no value; null where there is none at all. */
export function profilePath({ distances, values }: Profile, width: number, height: number): DrawnProfile | null {
  const known = values.filter((value) => !Number.isNaN(value));
  if (known.length === 0) return null;
  const low = known.reduce((a, b) => Math.min(a, b));
  const high = known.reduce((a, b) => Math.max(a, b));
  const length = distances.at(-1) || 1;
  const span = high - low || 1;
  let path = "";
  let pen = "M";
  values.forEach((value, i) => {
    if (Number.isNaN(value)) {
      pen = "M";
      return;
    }
    const x = (width * (distances[i] ?? 0)) / length;
    const y = height - 2 - ((height - 4) * (value - low)) / span;
    path += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = "L";
  });
  return { path, low, high };
}
