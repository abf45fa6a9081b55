import { useEffect, useMemo, useRef, useState } from "react";

import { gradient } from "../image/colormaps";
import { drawMap, MAP_COLORMAP, type MapInk } from "../lib/drawmap";
import { formatCount, formatError, formatOnScale } from "../lib/format";
import { countKinds, fitMap, nearestPoint, type MapPoint, type PointKind } from "../lib/scanmap";
import { store, useLive } from "../live/page";
import type { MapColour, ScanPoints } from "../state/looking";
import { ScaleBarMark } from "./ScaleBarMark";
import { useBoxSize } from "./useBoxSize";
import { useDark } from "./useDark";

const COLOURS: { colour: MapColour; label: string; title: string }[] = [
  { colour: "state", label: "State", title: "What became of each point" },
  { colour: "error", label: "Error", title: "Each frame's own relative amplitude error" },
  { colour: "intensity", label: "Intensity", title: "Trusted counts of each frame" },
];

/** Where frames are planned, where they came, and how good they are. */
export function MapPanel() {
  const points = useLive((s) => s.points);
  const colour = useLive((s) => s.looking.map);
  const theme = useDark() ? "dark" : "light"; // it draws in the theme's colours
  return (
    <section className="panel map" aria-label="Scan map">
      <div className="panel-head">
        <h2>Scan map</h2>
        <select
          aria-label="Colour of the points"
          data-testid="map-colour"
          value={colour}
          title={COLOURS.find((each) => each.colour === colour)?.title}
          onChange={(event) => store.dispatch({ type: "look", change: { map: event.target.value as MapColour } })}
        >
          {COLOURS.map((each) => (
            <option key={each.colour} value={each.colour}>
              {each.label}
            </option>
          ))}
        </select>
      </div>
      {points === null || points.count === 0 ? (
        <p className="dim none-yet">No positions yet</p>
      ) : (
        <ScanMap key={theme} points={points} colour={colour} />
      )}
    </section>
  );
}

function ScanMap({ points, colour }: { points: ScanPoints; colour: MapColour }) {
  const { ref, width, height } = useBoxSize();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [range, setRange] = useState<[number, number] | null>(null);
  const [under, setUnder] = useState<MapPoint | null>(null);
  const place = useMemo(() => fitMap(points, { width, height }), [points, width, height]);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context || place === null) return;
    const density = window.devicePixelRatio;
    context.canvas.width = width * density;
    context.canvas.height = height * density;
    context.scale(density, density);
    const size = { width, height };
    setRange(drawMap(context, points, place, size, colour, readInk(context.canvas)));
  }, [points, place, width, height, colour]);
  const point = (x: number, y: number) => setUnder(place === null ? null : nearestPoint(points, place, x, y));
  return (
    <>
      <div className="map-body" ref={ref}>
        <canvas
          ref={canvas}
          data-testid="map-canvas"
          data-points={points.count}
          data-number={points.number}
          role="img"
          aria-label={`Scan map of ${points.count} points by ${colour}`}
          style={{ width, height }}
          onPointerMove={({ nativeEvent: { offsetX, offsetY } }) => point(offsetX, offsetY)}
          onPointerLeave={() => setUnder(null)}
        />
        {place === null ? null : <ScaleBarMark metresPerPx={1 / place.scale} mostPx={60} />}
      </div>
      <div className="map-caption" data-testid="map-caption">
        {under !== null ? <UnderPointer point={under} /> : range === null ? <Legend points={points} /> : <Range range={range} />}
      </div>
    </>
  );
}

function readInk(element: Element): MapInk {
  const theme = getComputedStyle(element);
  const colour = (name: string) => theme.getPropertyValue(name).trim();
  return {
    planned: colour("--map-planned"),
    received: colour("--accent"),
    used: colour("--accent"),
    unpaired: colour("--warn"),
    "no beam": colour("--bad"),
    bad: colour("--bad"),
  };
}

const KINDS: { kind: PointKind; mark: string; title: string }[] = [
  { kind: "planned", mark: "○", title: "Nothing came yet" },
  { kind: "received", mark: "◉", title: "Frame and position are there; not iterated on yet" },
  { kind: "used", mark: "●", title: "Iterated on" },
  { kind: "unpaired", mark: "▲", title: "A frame without its position, or the reverse" },
  { kind: "no beam", mark: "◇", title: "There was no light in them: left out" },
  { kind: "bad", mark: "✕", title: "Off the canvas, or unreadable" },
];

function Legend({ points }: { points: ScanPoints }) {
  const counts = useMemo(() => countKinds(points), [points]);
  return (
    <ul className="legend">
      {KINDS.filter(({ kind }) => counts[kind] > 0 || kind === "used").map(({ kind, mark, title }) => (
        <li key={kind} className={`is-${dashed(kind)}`} title={title} data-testid={`map-${dashed(kind)}`}>
          <span aria-hidden="true">{mark}</span> {formatCount(counts[kind])} {kind}
        </li>
      ))}
    </ul>
  );
}

function dashed(kind: PointKind): string {
  return kind.replace(" ", "-");
}

function Range({ range: [low, high] }: { range: [number, number] }) {
  const text = (value: number) => (high >= 1e4 ? value.toExponential(1) : formatOnScale(value, high - low));
  return (
    <div className="map-range" data-testid="map-range">
      {text(low)}
      <span style={{ background: gradient(MAP_COLORMAP, "to right") }} />
      {text(high)}
    </div>
  );
}

function UnderPointer({ point }: { point: MapPoint }) {
  return (
    <span>
      frame <b>{point.index}</b>, {point.state}
      {Number.isFinite(point.error) ? `, error ${formatError(point.error)}` : ""}
      {Number.isFinite(point.intensity) ? `, ${point.intensity.toExponential(2)} counts` : ""}
    </span>
  );
}
