/** The error curve for uPlot: its data and its looks. */
import type { AlignedData, Options, Series } from "uplot";
import UPlot from "uplot";

import { column, type Table } from "../state/table";
import { formatCount, formatError } from "./format";
import { formatTick, logRange, logTicks } from "./ticks";

/** A logarithmic axis has no place for zero, and a gap is better than a lie where a value was not computed. */
function positive(values: Float64Array): (number | null)[] {
  return Array.from(values, (value) => (value > 0 ? value : null));
}

export function curveData(table: Table): AlignedData {
  const frames = Array.from(column(table, "frames"));
  return [
    Array.from(column(table, "iteration")),
    frames,
    positive(column(table, "r_factor")),
    positive(column(table, "error")),
  ];
}

function counts(_: UPlot, values: number[]): string[] {
  return values.map((value) => (Number.isInteger(value) ? formatCount(value) : ""));
}

export function curveOptions(theme: CSSStyleDeclaration): Options {
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
        splits: (_, __, low, high) => logTicks(low, high),
        filter: (_, splits) => splits,
        values: (_, values) => values.map((v) => formatTick(v)),
      },
      { ...axis, scale: "frames", side: 1, size: 40, grid: { show: false }, values: counts },
    ],
    series: curveSeries(colour),
  };
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
      points: { show: false },
      value: (_, v) => formatError(v),
    },
    {
      label: "error",
      scale: "y",
      width: 2,
      stroke: colour("--curve-error"),
      points: { show: false },
      value: (_, v) => formatError(v),
    },
  ];
}
