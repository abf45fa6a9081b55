import type { View } from "../lib/viewport";
import type { Mark } from "./useMeasure";

interface MeasureOverlayProps {
  mark: Mark;
  view: View;
}

/** The line or the box over the picture, light with a dark rim to be seen on any colour. */
export function MeasureOverlay({ mark, view }: MeasureOverlayProps) {
  const [from, to] = [mark.from, mark.to].map(([row, col]) => ({
    x: view.x + view.scale * col,
    y: view.y + view.scale * row,
  }));
  if (from === undefined || to === undefined) return null;
  const d =
    mark.tool === "line"
      ? `M${from.x} ${from.y}L${to.x} ${to.y}`
      : `M${from.x} ${from.y}H${to.x}V${to.y}H${from.x}Z`;
  return (
    <svg className="measure-overlay" aria-hidden="true">
      <path d={d} className="rim" />
      <path d={d} className="core" />
    </svg>
  );
}
