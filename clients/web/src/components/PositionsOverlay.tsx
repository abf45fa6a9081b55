import { useEffect, useRef } from "react";

import type { Size, View } from "../lib/viewport";
import type { ScanPoints } from "../state/looking";
import { column, type Table } from "../state/table";
import type { PictureInfo } from "./PictureCanvas";

interface PositionsOverlayProps {
  table: Table;
  /** Where refined positions come from. */
  points: ScanPoints | null;
  image: PictureInfo;
  view: View;
  size: Size;
}

/** Where the probe was: a dot a position as given, and where refinement moved it to, at the screen's resolution. */
export function PositionsOverlay({ table, points, image, view, size }: PositionsOverlayProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { pixel_m } = image;
  const [originRow, originCol] = image.origin_m;
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const density = window.devicePixelRatio;
    context.canvas.width = size.width * density;
    context.canvas.height = size.height * density;
    context.scale(density, density);
    drawDots(context, column(table, "row"), column(table, "col"), view);
    if (points === null) return;
    const moves = drawMoved(context, points, { pixel_m, origin_m: [originRow, originCol] }, view);
    context.canvas.dataset["moved"] = String(moves.length);
    context.canvas.dataset["farthestPx"] = String(Math.max(0, ...moves) / view.scale);
  }, [table, points, pixel_m, originRow, originCol, view, size]);
  return (
    <canvas
      ref={canvas}
      className="overlay"
      data-testid="positions-overlay"
      data-positions={table.rows}
      aria-hidden="true"
    />
  );
}

const RADIUS = 1.5;

/** Light dots with a dark rim are seen on any colour. */
function drawDots(context: CanvasRenderingContext2D, rows: Float64Array, cols: Float64Array, view: View): void {
  context.beginPath();
  for (let i = 0; i < rows.length; i++) {
    // A pixel's index is its centre.
    const x = view.x + view.scale * ((cols[i] ?? 0) + 0.5);
    const y = view.y + view.scale * ((rows[i] ?? 0) + 0.5);
    context.moveTo(x + RADIUS, y);
    context.arc(x, y, RADIUS, 0, 2 * Math.PI);
  }
  context.lineWidth = 1.5;
  context.strokeStyle = "rgb(0 0 0 / 70%)";
  context.stroke();
  context.fillStyle = "white";
  context.fill();
}

type Lattice = Pick<PictureInfo, "pixel_m" | "origin_m">;

/**
 * A line from each given position to the refined one, which is a square, so that shape tells them apart too. Returns how
 * long the lines are, in pixels of the screen.
 */
function drawMoved(
  context: CanvasRenderingContext2D,
  { columns, count }: ScanPoints,
  lattice: Lattice,
  view: View,
): number[] {
  const { row_m, col_m, refined_row_m, refined_col_m } = columns;
  const at = (metres: number | undefined, axis: 0 | 1) =>
    (axis === 0 ? view.y : view.x) +
    view.scale * (((metres ?? Number.NaN) - lattice.origin_m[axis]) / lattice.pixel_m + 0.5);
  context.strokeStyle = "white";
  context.fillStyle = "#ffb000";
  context.lineWidth = 1;
  const lengths: number[] = [];
  for (let i = 0; i < count; i++) {
    const [x, y] = [at(refined_col_m?.[i], 1), at(refined_row_m?.[i], 0)];
    if (Number.isNaN(x) || Number.isNaN(y)) continue;
    const [fromX, fromY] = [at(col_m?.[i], 1), at(row_m?.[i], 0)];
    lengths.push(Math.hypot(x - fromX, y - fromY));
    context.beginPath();
    context.moveTo(fromX, fromY);
    context.lineTo(x, y);
    context.stroke();
    context.fillRect(x - RADIUS, y - RADIUS, 2 * RADIUS, 2 * RADIUS);
  }
  return lengths;
}
