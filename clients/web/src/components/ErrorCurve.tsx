import { useEffect, useEffectEvent, useRef } from "react";
import UPlot from "uplot";

import { curveData, curveOptions } from "../lib/curve";
import type { Table } from "../state/table";
import { useBoxSize } from "./useBoxSize";

/** Metrics may come many times a second; redrawing this often is enough for the eye. */
const REDRAW_MS = 200;

/** Errors on a logarithmic axis over iterations, with the frames admitted as the ground. */
export function ErrorCurve({ table }: { table: Table }) {
  const { ref, width, height } = useBoxSize();
  const plot = useRef<UPlot | null>(null);
  const newest = useEffectEvent(() => table);

  useEffect(() => {
    const element = ref.current;
    if (element === null) return;
    let drawn = newest();
    const own = new UPlot(curveOptions(getComputedStyle(element)), curveData(drawn), element);
    plot.current = own;
    const timer = window.setInterval(() => {
      if (drawn === newest()) return;
      drawn = newest();
      own.setData(curveData(drawn));
    }, REDRAW_MS);
    return () => {
      window.clearInterval(timer);
      own.destroy();
    };
  }, [ref]);

  useEffect(() => plot.current?.setSize({ width, height }), [width, height]);
  return <div className="curve" ref={ref} data-testid="error-curve" data-rows={table.rows} />;
}
