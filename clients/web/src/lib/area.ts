/** What of the object is worth the screen. */
import type { ScanPoints } from "../state/looking";
import { extent } from "./scanmap";
import type { Area } from "./viewport";

interface Lattice {
  full_shape: readonly [number, number];
  origin_m: readonly [number, number];
  pixel_m: number;
}

/** From the positions halfway to the canvas's rim, which only the dark rim of the probe's window reaches. */
export function scannedArea(points: ScanPoints | null, { full_shape, origin_m, pixel_m }: Lattice): Area {
  const side = (name: string, axis: 0 | 1): [number, number] => {
    const full = full_shape[axis];
    const metres = extent(points?.columns[name]);
    if (metres === null || !(pixel_m > 0)) return [0, full];
    const [low, high] = metres.map((place) => Math.min(full, Math.max(0, (place - origin_m[axis]) / pixel_m)));
    return [(low ?? 0) / 2, ((high ?? full) + full) / 2];
  };
  const [top, bottom] = side("row_m", 0);
  const [left, right] = side("col_m", 1);
  return { row: top, col: left, height: bottom - top, width: right - left };
}
