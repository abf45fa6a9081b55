/** Range and ticks of a logarithmic axis. */

/** A flat curve must still be seen: at least a factor of two around the data. */
export function logRange(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null || !(low > 0)) return [0.01, 1];
  const [bottom, top] = [low / 1.15, high * 1.15];
  if (top / bottom >= 2) return [bottom, top];
  const centre = Math.sqrt(bottom * top);
  return [centre / Math.SQRT2, centre * Math.SQRT2];
}

const FACTORS = [[1], [1, 2, 5], [1, 1.5, 2, 3, 4, 5, 6, 8]];
const ENOUGH = 4;

/** Powers of ten and, where these are too few, round multiples of them; never more than `most`. */
export function logTicks(low: number, high: number, most = Infinity): number[] {
  if (!(low > 0) || !(high > low)) return [];
  const [first, last] = [Math.floor(Math.log10(low)), Math.floor(Math.log10(high))];
  const decades = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  let ticks: number[] = [];
  for (const factors of FACTORS) {
    const all = decades.flatMap((decade) => factors.map((factor) => Number(`${factor}e${decade}`)));
    const finer = all.filter((tick) => tick >= low && tick <= high);
    if (finer.length > most && ticks.length > 0) break;
    ticks = finer;
    if (ticks.length >= ENOUGH) break;
  }
  const step = Math.max(1, Math.ceil(ticks.length / most));
  return ticks.filter((_, i) => i % step === 0);
}

export function formatTick(value: number): string {
  return value >= 0.001 && value < 10_000 ? String(value) : value.toExponential(0);
}
