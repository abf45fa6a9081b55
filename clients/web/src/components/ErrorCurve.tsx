import { useEffect, useEffectEvent, useRef } from "react";
import UPlot from "uplot";

import { curveData, curveOptions } from "../lib/curve";
import { arrivals } from "../lib/thin";
import { together } from "../live/page";
import { column, type Table } from "../state/table";
import { useBoxSize } from "./useBoxSize";

/** Metrics may come many times a second; redrawing this often is enough for the eye. */
const REDRAW_MS = 400;

/** Errors on a logarithmic axis over iterations, with the frames admitted as the ground. Dragging zooms. */
export function ErrorCurve({ table }: { table: Table }) {
  const { ref, width, height } = useBoxSize();
  const plot = useRef<UPlot | null>(null);
  const newest = useEffectEvent(() => table);

  useEffect(() => {
    const element = ref.current;
    if (element === null) return;
    let drawn = newest();
    let zoomed: [number, number] | null = null;
    const marks = () => arrivals(column(drawn, "iteration"), column(drawn, "frames"));
    const options = curveOptions(getComputedStyle(element), marks);
    const own = new UPlot(options, curveData(drawn), element);
    plot.current = own;
    const draw = () => {
      if (plot.current !== own) return; // gone while it waited
      drawn = newest();
      own.setData(curveData(drawn, ...(zoomed ?? [])), zoomed === null);
    };
    own.over.addEventListener("mouseup", () => {
      const { left, width: dragged } = own.select;
      if (dragged < 3) return;
      zoomed = [own.posToVal(left, "x"), own.posToVal(left + dragged, "x")];
      draw();
    });
    own.over.addEventListener("dblclick", () => {
      zoomed = null;
      draw();
    });
    const timer = window.setInterval(() => {
      if (drawn !== newest()) void together.later(draw);
    }, REDRAW_MS);
    return () => {
      window.clearInterval(timer);
      plot.current = null;
      own.destroy();
    };
  }, [ref]);

  useEffect(() => plot.current?.setSize({ width, height }), [width, height]);
  return <div className="curve" ref={ref} data-testid="error-curve" data-rows={table.rows} />;
}
