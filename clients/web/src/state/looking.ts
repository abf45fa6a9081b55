/** How one looks: what is chosen to be seen and in which way, and what of that is remembered in this browser. */
import type { Points } from "../protocol";
import type { State } from "./model";

export interface Beside {
  reconstruction: string;
  /** Iteration of a moment of its history; null for its latest. */
  at: number | null;
}

export interface Looking {
  /** Take the phase ramp off the object. */
  flat: boolean;
  /** Metres along the beam by which the probe is propagated before it is shown. */
  distance: number;
  /** Iteration of the moment of the history that is shown; null: the latest, as it comes. */
  at: number | null;
  /** Hold the pictures; curve and numbers go on. */
  frozen: boolean;
  /** What is shown beside, to compare. */
  beside: Beside | null;
  /** Show the other one minus this one. */
  difference: boolean;
  /** Show the probe of the scan before beside this one's. */
  earlierProbe: boolean;
  pattern: "latest" | "summed";
  map: MapColour;
  theme: Theme;
  /** For a wall screen or a tablet: pictures and numbers, no controls. */
  compact: boolean;
}

export type MapColour = "state" | "error" | "intensity";
export type Theme = "auto" | "light" | "dark";

export const LOOKING: Looking = {
  flat: true,
  distance: 0,
  at: null,
  frozen: false,
  beside: null,
  difference: false,
  earlierProbe: false,
  pattern: "latest",
  map: "state",
  theme: "auto",
  compact: false,
};

/** The scan map, by columns. */
export interface ScanPoints {
  reconstruction: string;
  number: number;
  count: number;
  columns: Record<string, Float32Array>;
}

/** What belonged to the reconstruction that was looked at before. */
export function turnTo(before: State, after: State): State {
  if (before.reconstruction === after.reconstruction) return after;
  const { distance, at, frozen, beside, difference } = LOOKING;
  return { ...after, points: null, looking: { ...after.looking, distance, at, frozen, beside, difference } };
}

export function readPoints(message: Points): ScanPoints {
  const { reconstruction, number, columns, data } = message;
  const count = data.byteLength / (4 * columns.length);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const read = columns.map((name, c) => {
    const values = new Float32Array(count);
    for (let row = 0; row < count; row++) values[row] = view.getFloat32(4 * (row * columns.length + c), true);
    return [name, values] as const;
  });
  return { reconstruction, number, count, columns: Object.fromEntries(read) };
}
