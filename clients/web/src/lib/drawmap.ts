/** Draws the scan map: shapes as well as colours, so that nobody needs to tell colours apart. */
import { lut, LUT_SIZE } from "../image/colormaps";
import type { MapColour, ScanPoints } from "../state/looking";
import { colourRange, pointAt, type MapPlace, type PointKind } from "./scanmap";
import type { Size } from "./viewport";

export const MAP_COLORMAP = "viridis";

export interface MapInk {
  planned: string;
  received: string;
  used: string;
  unpaired: string;
  "no beam": string;
  bad: string;
}

/** Returns the values that the colours span, where they stand for values. */
export function drawMap(
  context: CanvasRenderingContext2D,
  points: ScanPoints,
  place: MapPlace,
  size: Size,
  colour: MapColour,
  ink: MapInk,
): [number, number] | null {
  const radius = pointRadius(points.count, size);
  const range = colour === "state" ? null : colourRange(points.columns[colour] ?? new Float32Array(0));
  for (let i = 0; i < points.count; i++) {
    const point = pointAt(points, i);
    const x = place.x + place.scale * point.col;
    const y = place.y + place.scale * point.row;
    if (Number.isNaN(x) || Number.isNaN(y)) continue;
    const value = colour === "state" ? Number.NaN : point[colour];
    if (range !== null && Number.isFinite(value)) {
      context.fillStyle = valueColour((value - range[0]) / (range[1] - range[0]));
      disc(context, x, y, radius);
    } else if (colour === "state" || point.kind === "planned") {
      SHAPES[point.kind](context, x, y, radius, ink[point.kind]);
    } else {
      ring(context, x, y, radius * 0.6, ink.planned);
    }
  }
  return range;
}

/** As large as their number allows, within what can be seen and drawn. */
function pointRadius(count: number, size: Size): number {
  return Math.min(5, Math.max(1.2, 0.25 * Math.sqrt((size.width * size.height) / Math.max(1, count))));
}

type Shape = (context: CanvasRenderingContext2D, x: number, y: number, radius: number, ink: string) => void;

const SHAPES: Record<PointKind, Shape> = {
  planned: ring,
  received(context, x, y, radius, ink) {
    ring(context, x, y, radius, ink);
    context.fillStyle = ink;
    disc(context, x, y, radius * 0.4);
  },
  used(context, x, y, radius, ink) {
    context.fillStyle = ink;
    disc(context, x, y, radius);
  },
  unpaired(context, x, y, radius, ink) {
    const size = Math.max(2.5, 1.2 * radius);
    context.fillStyle = ink;
    context.beginPath();
    context.moveTo(x, y - size);
    context.lineTo(x + size, y + size);
    context.lineTo(x - size, y + size);
    context.fill();
  },
  "no beam"(context, x, y, radius, ink) {
    const size = Math.max(3, 1.3 * radius);
    context.strokeStyle = ink;
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(x, y - size);
    context.lineTo(x + size, y);
    context.lineTo(x, y + size);
    context.lineTo(x - size, y);
    context.closePath();
    context.stroke();
  },
  bad(context, x, y, radius, ink) {
    const size = Math.max(3, 1.2 * radius);
    context.strokeStyle = ink;
    context.lineWidth = 1.8;
    context.beginPath();
    context.moveTo(x - size, y - size);
    context.lineTo(x + size, y + size);
    context.moveTo(x + size, y - size);
    context.lineTo(x - size, y + size);
    context.stroke();
  },
};

function disc(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  if (radius < 2) {
    context.fillRect(x - radius, y - radius, 2 * radius, 2 * radius); // many times faster, and looks the same
    return;
  }
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

function ring(context: CanvasRenderingContext2D, x: number, y: number, radius: number, ink: string): void {
  context.strokeStyle = ink;
  context.lineWidth = 1;
  context.beginPath();
  context.arc(x, y, Math.max(1, radius), 0, 2 * Math.PI);
  context.stroke();
}

function valueColour(part: number): string {
  const index = Math.min(LUT_SIZE - 1, Math.max(0, Math.floor(part * LUT_SIZE)));
  return `rgb(${lut(MAP_COLORMAP).subarray(3 * index, 3 * index + 3).join(" ")})`;
}
