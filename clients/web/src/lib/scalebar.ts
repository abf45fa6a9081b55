/** A scale bar of a round length: 1, 2 or 5 times a power of ten, as long as fits. */
import { formatLength } from "./format";

export interface ScaleBar {
  px: number;
  label: string;
}

export function scaleBar(metresPerPx: number, mostPx: number): ScaleBar | null {
  if (!(metresPerPx > 0) || !(mostPx > 0)) return null;
  const most = metresPerPx * mostPx;
  const decade = 10 ** Math.floor(Math.log10(most));
  const factor = [5, 2, 1].find((f) => f * decade <= most) ?? 1;
  const metres = factor * decade;
  return { px: metres / metresPerPx, label: formatLength(metres) };
}
