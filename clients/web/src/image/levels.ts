/** The window of values that the colours span: by percentile of what is covered, or as a person locked it. */
import { dequantise, type PixelLayer } from "./pixels";

export interface Levels {
  low: number;
  high: number;
}

const LOW_PERCENT = 1;
const HIGH_PERCENT = 99;

/**
 * Levels from the 1st to the 99th percentile of one mode's covered pixels, or of the whole picture's where the
 * service tells them, so that a crop does not change what its colours mean; null where nothing is covered.
 */
export function autoLevels(layer: PixelLayer, from = 0, to = layer.codes.length): Levels | null {
  const { histogram } = layer;
  if (histogram !== null) return widened({ low: histogram.auto_low, high: histogram.auto_high });
  const counts = new Uint32Array(layer.top + 1);
  for (let i = from; i < to; i++) {
    const code = layer.codes[i] ?? 0;
    counts[code] = (counts[code] ?? 0) + 1;
  }
  const covered = to - from - (counts[0] ?? 0);
  if (covered === 0) return null;
  const low = dequantise(codeAtRank(counts, ((covered - 1) * LOW_PERCENT) / 100), layer);
  const high = dequantise(codeAtRank(counts, ((covered - 1) * HIGH_PERCENT) / 100), layer);
  return widened({ low, high });
}

/** A flat picture still needs a window of some width. */
export function widened(levels: Levels): Levels {
  if (levels.high > levels.low) return levels;
  const half = Math.max(Math.abs(levels.low) * 1e-3, 1e-6);
  return { low: levels.low - half, high: levels.low + half };
}

/** The same to both sides of zero, so that zero has the colour in the middle. */
export function symmetric({ low, high }: Levels): Levels {
  const most = Math.max(Math.abs(low), Math.abs(high));
  return widened({ low: -most, high: most });
}

function codeAtRank(counts: Uint32Array, rank: number): number {
  let seen = 0;
  for (let code = 1; code < counts.length; code++) {
    seen += counts[code] ?? 0;
    if (seen > rank) return code;
  }
  return counts.length - 1;
}
