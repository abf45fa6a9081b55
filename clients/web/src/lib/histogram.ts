/** A histogram as the outline of a drawing: root of the counts, so that rare values are seen too. */
export function histogramPath(counts: readonly number[], width: number, height: number): string {
  const most = counts.reduce((a, b) => Math.max(a, b), 1);
  const step = width / Math.max(1, counts.length);
  const outline = counts.map((count, i) => {
    const y = (height * (1 - Math.sqrt(count / most))).toFixed(1);
    return `L${(i * step).toFixed(1)} ${y}H${((i + 1) * step).toFixed(1)}`;
  });
  return `M0 ${height}${outline.join("")}V${height}Z`;
}
