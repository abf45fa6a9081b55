import { useEffect, useRef } from "react";

import type { Size, View } from "../lib/viewport";
import { column, type Table } from "../state/table";

interface PositionsOverlayProps {
  table: Table;
  view: View;
  size: Size;
}

/** Where the probe was: a dot a position, drawn at the screen's resolution whatever the zoom. */
export function PositionsOverlay({ table, view, size }: PositionsOverlayProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const density = window.devicePixelRatio;
    context.canvas.width = size.width * density;
    context.canvas.height = size.height * density;
    context.scale(density, density);
    drawDots(context, column(table, "row"), column(table, "col"), view);
  }, [table, view, size]);
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
