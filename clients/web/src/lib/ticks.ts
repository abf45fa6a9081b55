/** Range and ticks of a logarithmic axis. */

/** A flat curve must still be seen: at least a factor of two around the data. */
export function logRange(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null || !(low > 0)) return [0.01, 1];
  const [bottom, top] = [low / 1.15, high * 1.15];
  if (top / bottom >= 2) return [bottom, top];
  const centre = Math.sqrt(bottom * top);
  return [centre / Math.SQRT2, centre * Math.SQRT2];
}

/** 1, 2 and 5 times powers of ten, or only the powers where there are many. */
export function logTicks(low: number, high: number): number[] {
  if (!(low > 0) || !(high > low)) return [];
  const [first, last] = [Math.floor(Math.log10(low)), Math.floor(Math.log10(high))];
  const factors = last - first > 3 ? [1] : [1, 2, 5];
  const ticks: number[] = [];
  for (let decade = first; decade <= last; decade++) {
    for (const factor of factors) ticks.push(Number(`${factor}e${decade}`));
  }
  return ticks.filter((tick) => tick >= low && tick <= high);
}

export function formatTick(value: number): string {
  return value >= 0.001 && value < 10_000 ? String(value) : value.toExponential(0);
}
