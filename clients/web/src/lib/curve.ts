/** The error curve for uPlot: its data and its looks. */
import type { AlignedData, Options, Series } from "uplot";
import UPlot from "uplot";

import { column, type Table } from "../state/table";
import { formatCount, formatError } from "./format";
import { thinned } from "./thin";
import { formatTick, logRange, logTicks } from "./ticks";

/** More rows than this are thinned out: there are not so many pixels. */
const MOST_ROWS = 1500;

/** The rows between two iterations, thinned out where they are too many to be told apart. */
export function curveData(table: Table, from = -Infinity, to = Infinity): AlignedData {
  const iterations = column(table, "iteration");
  const error = column(table, "error");
  const first = Math.max(0, bound(iterations, from) - 1);
  const rows = thinned(error, first, Math.min(iterations.length, bound(iterations, to) + 2), MOST_ROWS);
  const pick = (values: Float64Array) => rows.map((row) => values[row] ?? 0);
  // A logarithmic axis has no place for zero, and engines whose error costs an extra pass leave most rows without one.
  const positive = (values: Float64Array) => rows.map((row) => ((values[row] ?? 0) > 0 ? (values[row] ?? null) : null));
  return [pick(iterations), pick(column(table, "frames")), positive(column(table, "r_factor")), positive(error)];
}

/** How many of the iterations, which only grow, are below a value. */
function bound(iterations: Float64Array, value: number): number {
  let [low, high] = [0, iterations.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((iterations[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Short marks at the bottom where chunks arrived; none where they would run into each other. */
function drawArrivals(plot: UPlot, marks: number[], stroke: string): void {
  const { ctx, bbox } = plot;
  const places = marks.map((at) => plot.valToPos(at, "x", true)).filter((x) => x >= bbox.left && x <= bbox.left + bbox.width);
  if (places.length * 4 > bbox.width) return;
  ctx.save();
  ctx.strokeStyle = stroke;
  ctx.lineWidth = window.devicePixelRatio;
  ctx.beginPath();
  for (const x of places) {
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x, bbox.top + bbox.height - 8 * window.devicePixelRatio);
  }
  ctx.stroke();
  ctx.restore();
}

function counts(_: UPlot, values: number[]): string[] {
  return values.map((value) => (Number.isInteger(value) ? formatCount(value) : ""));
}

/** `marks` gives the iterations at which chunks arrived. */
export function curveOptions(theme: CSSStyleDeclaration, marks: () => number[]): Options {
  const colour = (name: string) => theme.getPropertyValue(name).trim();
  const font = `11px ${theme.fontFamily}`;
  const axis = {
    stroke: colour("--dim"),
    font,
    grid: { stroke: colour("--grid"), width: 1 },
    ticks: { stroke: colour("--grid"), size: 4, width: 1 },
  };
  return {
    width: 300,
    height: 160,
    legend: { show: true, live: true },
    cursor: { y: false, points: { size: 6 } },
    scales: {
      x: { time: false },
      y: { distr: 3, range: (_, low, high) => logRange(low, high) },
      frames: { range: (_, __, high) => [0, Math.max(1, 1.05 * (high ?? 1))] },
    },
    axes: [
      { ...axis, size: 28, values: counts },
      {
        ...axis,
        scale: "y",
        size: 46,
        // Its own splits of a logarithmic axis never end where the range does not begin with a round number.
        splits: (plot, _, low, high) => logTicks(low, high, ticksThatFit(plot.height)),
        filter: (_, splits) => splits,
        values: (_, values) => values.map((v) => formatTick(v)),
      },
      { ...axis, scale: "frames", side: 1, size: 40, grid: { show: false }, values: counts },
    ],
    series: curveSeries(colour),
    hooks: { draw: [(plot) => drawArrivals(plot, marks(), colour("--dim"))] },
  };
}

/** Labels need some height each, beside the other axis. */
function ticksThatFit(height: number): number {
  return Math.max(1, Math.floor((height - 45) / 15));
}

function curveSeries(colour: (name: string) => string): Series[] {
  return [
    { label: "iteration" },
    {
      label: "frames",
      scale: "frames",
      width: 1,
      stroke: colour("--curve-frames"),
      fill: colour("--curve-frames-fill"),
      paths: UPlot.paths.stepped?.({ align: 1 }),
      points: { show: false },
    },
    {
      label: "R-factor",
      scale: "y",
      width: 1.5,
      stroke: colour("--curve-factor"),
      dash: [4, 3],
      spanGaps: true,
      points: { show: false },
      value: (_, v) => formatError(v),
    },
    {
      label: "error",
      scale: "y",
      width: 2,
      stroke: colour("--curve-error"),
      spanGaps: true,
      points: { show: false },
      value: (_, v) => formatError(v),
    },
  ];
}
