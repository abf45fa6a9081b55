/** The scan map: which points there are, in which state, and where they lie on the screen. */
import { POINT_STATES } from "../protocol";
import type { ScanPoints } from "../state/looking";
import type { Size } from "./viewport";

export type PointState = (typeof POINT_STATES)[number];
/** What an operator tells apart: several states are one kind of trouble. */
export type PointKind = "planned" | "received" | "used" | "unpaired" | "no beam" | "bad";

export const KIND_OF: Record<PointState, PointKind> = {
  planned: "planned",
  "frame only": "unpaired",
  "position only": "unpaired",
  paired: "received",
  used: "used",
  outside: "bad",
  "no beam": "no beam",
  unreadable: "bad",
};

export interface MapPoint {
  index: number;
  state: PointState;
  kind: PointKind;
  row: number;
  col: number;
  intensity: number;
  error: number;
}

/** screen = offset + scale * metres, the same scale on both axes. */
export interface MapPlace {
  scale: number;
  x: number;
  y: number;
}

const MARGIN_PX = 10;

export function pointAt(points: ScanPoints, i: number): MapPoint {
  const cell = (name: string) => points.columns[name]?.[i] ?? Number.NaN;
  const state = POINT_STATES[cell("state")] ?? "planned";
  return {
    index: cell("index"),
    state,
    kind: KIND_OF[state],
    row: cell("row_m"),
    col: cell("col_m"),
    intensity: cell("intensity"),
    error: cell("error"),
  };
}

/** How many points there are of each kind. */
export function countKinds(points: ScanPoints): Record<PointKind, number> {
  const counts: Record<PointKind, number> = { planned: 0, received: 0, used: 0, unpaired: 0, "no beam": 0, bad: 0 };
  for (let i = 0; i < points.count; i++) counts[pointAt(points, i).kind]++;
  return counts;
}

/** Where the map lies so that all of it is seen, at equal aspect; null where no point has a place. */
export function fitMap(points: ScanPoints, size: Size): MapPlace | null {
  const [rows, cols] = [extent(points.columns["row_m"]), extent(points.columns["col_m"])];
  if (rows === null || cols === null) return null;
  const [height, width] = [rows[1] - rows[0] || 1e-9, cols[1] - cols[0] || 1e-9];
  const scale = Math.min((size.width - 2 * MARGIN_PX) / width, (size.height - 2 * MARGIN_PX) / height);
  return {
    scale,
    x: size.width / 2 - scale * (cols[0] + width / 2),
    y: size.height / 2 - scale * (rows[0] + height / 2),
  };
}

/** The point nearest to a place of the screen, not farther than some pixels; null where there is none. */
export function nearestPoint(points: ScanPoints, place: MapPlace, x: number, y: number, reach = 12): MapPoint | null {
  let [best, distance] = [-1, reach * reach];
  const { row_m, col_m } = points.columns;
  for (let i = 0; i < points.count; i++) {
    const dx = place.x + place.scale * (col_m?.[i] ?? Number.NaN) - x;
    const dy = place.y + place.scale * (row_m?.[i] ?? Number.NaN) - y;
    const square = dx * dx + dy * dy;
    if (square <= distance) [best, distance] = [i, square];
  }
  return best < 0 ? null : pointAt(points, best);
}

/** From the 2nd to the 98th percentile, so that one odd frame does not take all the colours; null without values. */
export function colourRange(values: Float32Array): [number, number] | null {
  const known = values.filter((value) => Number.isFinite(value)).sort();
  if (known.length === 0) return null;
  const at = (part: number) => known[Math.round(part * (known.length - 1))] ?? 0;
  const [low, high] = [at(0.02), at(0.98)];
  return high > low ? [low, high] : [low - Math.abs(low) * 1e-3 - 1e-12, low + Math.abs(low) * 1e-3 + 1e-12];
}

/** The least and the greatest of values that are numbers; null where there are none. */
export function extent(values: Float32Array | undefined): [number, number] | null {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values ?? []) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : null;
}
