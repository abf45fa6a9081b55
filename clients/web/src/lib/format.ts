/** Numbers as an operator reads them: few digits, a unit, and a dash where there is nothing. */

const DASH = "–";
/** Made once: making one costs many times more than using it. */
const GROUPED = new Intl.NumberFormat("en-US");

export function formatDuration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return DASH;
  const whole = Math.max(0, Math.round(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

export function formatAge(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return DASH;
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

export function formatRate(hertz: number): string {
  if (!Number.isFinite(hertz) || hertz <= 0) return "0";
  if (hertz >= 100) return GROUPED.format(Math.round(hertz));
  return hertz >= 10 ? hertz.toFixed(0) : hertz.toPrecision(2);
}

export function formatCount(count: number): string {
  return GROUPED.format(count);
}

export function formatError(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return DASH;
  if (value === 0) return "0";
  return value >= 0.001 && value < 1000 ? value.toPrecision(3) : value.toExponential(1);
}

export function formatBytes(bytes: number): string {
  if (bytes <= 0) return DASH;
  const [unit, size] = bytes >= 1e9 ? ["GB", 1e9] as const : ["MB", 1e6] as const;
  return `${(bytes / size).toPrecision(3)} ${unit}`;
}

/** A length with the unit in which it is a handy number. */
export function formatLength(metres: number, digits = 3): string {
  const size = Math.abs(metres);
  const [unit, factor] =
    size >= 1e-3 ? (["mm", 1e3] as const) : size >= 1e-6 ? (["µm", 1e6] as const) : (["nm", 1e9] as const);
  return `${Number((metres * factor).toPrecision(digits))} ${unit}`;
}

/** A value on a scale whose whole span is `span`: as many digits as the span needs, so that labels line up. */
export function formatOnScale(value: number, span: number): string {
  if (!Number.isFinite(value)) return DASH;
  if (!(span > 0)) return value.toPrecision(3);
  if (span >= 1e5 || span < 1e-3) return value.toExponential(1);
  const digits = Math.max(0, 2 - Math.floor(Math.log10(span)));
  return value.toFixed(Math.min(digits, 6)).replace(/^-(0\.?0*)$/, "$1");
}

/** Ranges (first, last) of indices. */
export function formatRanges(ranges: readonly (readonly [number, number])[]): string {
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first} to ${last}`)).join(", ");
}

/** Photons as powers of ten, the way people compare exposures. */
export function formatPhotons(count: number): string {
  if (!(count > 0)) return DASH;
  return count < 1e4 ? GROUPED.format(Math.round(count)) : count.toExponential(2).replace("e+", "e");
}
