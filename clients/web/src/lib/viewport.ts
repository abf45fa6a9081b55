/** Zoom and pan of a picture, in full pixels of the object: screen = offset + scale * pixel. */

export interface View {
  /** Screen pixels for each full pixel. */
  scale: number;
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

/** Part of a picture, in full pixels. */
export interface Area {
  row: number;
  col: number;
  height: number;
  width: number;
}

const MARGIN = 0.97;
const MOST_SCALE = 64;
/** Part of the fitted size down to which one may zoom out. */
const LEAST_PART = 0.5;

/** Shows all of an area of the picture, in its middle. */
export function fitView({ row, col, height, width }: Area, screen: Size): View {
  const scale = MARGIN * Math.min(screen.width / width, screen.height / height);
  return {
    scale,
    x: screen.width / 2 - scale * (col + width / 2),
    y: screen.height / 2 - scale * (row + height / 2),
  };
}

/** Zoom by a factor, holding the picture's point under (x, y) where it is. */
export function zoomAt(view: View, factor: number, x: number, y: number, fitted: View): View {
  const scale = Math.min(MOST_SCALE, Math.max(LEAST_PART * fitted.scale, view.scale * factor));
  const ratio = scale / view.scale;
  return { scale, x: x - ratio * (x - view.x), y: y - ratio * (y - view.y) };
}

export function pan(view: View, dx: number, dy: number): View {
  return { ...view, x: view.x + dx, y: view.y + dy };
}

/** The full pixel (row, col), with fractions, under a point of the screen. */
export function pixelAt(view: View, x: number, y: number): [number, number] {
  return [(y - view.y) / view.scale, (x - view.x) / view.scale];
}

/** The part of a picture that is seen, as (row, col, height, width) padded for panning; null if it is most of it. */
export function visibleCrop(view: View, screen: Size, full: [number, number]): [number, number, number, number] | null {
  const [top, left] = pixelAt(view, 0, 0);
  const [bottom, right] = pixelAt(view, screen.width, screen.height);
  const [rows, cols] = full;
  const padRow = (bottom - top) / 4;
  const padCol = (right - left) / 4;
  const row = Math.max(0, Math.floor(top - padRow));
  const col = Math.max(0, Math.floor(left - padCol));
  const height = Math.min(rows, Math.ceil(bottom + padRow)) - row;
  const width = Math.min(cols, Math.ceil(right + padCol)) - col;
  if (height <= 0 || width <= 0 || height * width > 0.7 * rows * cols) return null;
  return [row, col, height, width];
}
