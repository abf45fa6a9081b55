/** What a picture says at a place, along a line and within a box; places in full pixels (row, col). */
import type { Quantity } from "../protocol";
import { layerOf, valueAt, type Pixels } from "./pixels";

export type Place = [number, number];

/** The value of each quantity under a place; null where not covered. */
export type Values = Partial<Record<Quantity, number | null>>;

export interface Profile {
  /** Full pixels from the line's start, one a value. */
  distances: number[];
  /** NaN where not covered. */
  values: number[];
}

export interface Statistics {
  pixels: number;
  covered: number;
  mean: number;
  deviation: number;
  low: number;
  high: number;
}

export type Question =
  | { kind: "values"; mode: number; at: Place }
  | { kind: "profile"; quantity: Quantity; from: Place; to: Place }
  | { kind: "region"; quantity: Quantity; from: Place; to: Place };

export interface Answers {
  values: Values;
  profile: Profile;
  region: Statistics | null;
}

const MOST_POINTS = 2048;

export function answer(pixels: Pixels, question: Question): Answers[Question["kind"]] {
  switch (question.kind) {
    case "values":
      return values(pixels, question.mode, question.at);
    case "profile":
      return profile(pixels, question.quantity, question.from, question.to);
    case "region":
      return region(pixels, question.quantity, question.from, question.to);
  }
}

export function values(pixels: Pixels, mode: number, at: Place): Values {
  const [row, col] = sent(pixels, at);
  return Object.fromEntries(pixels.layers.map((l) => [l.quantity, valueAt(pixels, l.quantity, mode, row, col)]));
}

/** Values along a line, one for about each pixel that was sent. */
export function profile(pixels: Pixels, quantity: Quantity, from: Place, to: Place): Profile {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  const points = Math.min(MOST_POINTS, Math.max(2, Math.ceil(length / pixels.step) + 1));
  const made: Profile = { distances: [], values: [] };
  for (let i = 0; i < points; i++) {
    const part = i / (points - 1);
    const at: Place = [from[0] + part * (to[0] - from[0]), from[1] + part * (to[1] - from[1])];
    const [row, col] = sent(pixels, at);
    made.distances.push(part * length);
    made.values.push(valueAt(pixels, quantity, 0, row, col) ?? Number.NaN);
  }
  return made;
}

/** Statistics of the covered pixels of a box, its corners in any order; null where it holds no pixel. */
export function region(pixels: Pixels, quantity: Quantity, from: Place, to: Place): Statistics | null {
  const layer = layerOf(pixels, quantity);
  const [a, b] = [sent(pixels, from), sent(pixels, to)];
  const [top, bottom] = span(a[0], b[0], pixels.rows);
  const [left, right] = span(a[1], b[1], pixels.cols);
  if (layer === undefined || top > bottom || left > right) return null;
  const sums = { n: 0, sum: 0, squares: 0, low: layer.top, high: 0 };
  for (let row = top; row <= bottom; row++) {
    for (let i = row * pixels.cols + left; i <= row * pixels.cols + right; i++) {
      const code = layer.codes[i] ?? 0;
      if (code === 0) continue;
      sums.n++;
      sums.sum += code;
      sums.squares += code * code;
      if (code < sums.low) sums.low = code;
      if (code > sums.high) sums.high = code;
    }
  }
  const unit = (layer.high - layer.low) / (layer.top - 1);
  const value = (code: number) => (sums.n === 0 ? Number.NaN : layer.low + (code - 1) * unit);
  const mean = sums.sum / sums.n;
  return {
    pixels: (bottom - top + 1) * (right - left + 1),
    covered: sums.n,
    mean: value(mean),
    deviation: Math.sqrt(Math.max(0, sums.squares / sums.n - mean * mean)) * unit,
    low: value(sums.low),
    high: value(sums.high),
  };
}

function sent({ origin, step }: Pixels, [row, col]: Place): Place {
  return [Math.floor((row - origin[0]) / step), Math.floor((col - origin[1]) / step)];
}

function span(a: number, b: number, size: number): [number, number] {
  return [Math.max(0, Math.min(a, b)), Math.min(size - 1, Math.max(a, b))];
}
