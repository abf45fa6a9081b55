import { useMemo, useState, type CSSProperties } from "react";

import { mosaic } from "../image/mosaic";
import { formatLength } from "../lib/format";
import { useLive } from "../live/page";
import { LookControls } from "./LookControls";
import { PixelCanvas, type Picture } from "./PixelCanvas";
import { ScaleBarMark } from "./ScaleBarMark";
import { useBoxSize } from "./useBoxSize";

export function ProbePanel() {
  const [picture, setPicture] = useState<Picture | null>(null);
  const shown = useLive((s) => s.shown.probe);
  const { look, colormaps, locked } = useLive((s) => s.views.probe);
  const [colormap, own] = [colormaps[look], locked[look]];
  const style = useMemo(() => ({ look, colormap, locked: own }), [look, colormap, own]);
  const current = shown === null ? null : picture;
  const { ref, width, height } = useBoxSize();
  const side = current === null ? { width: 0, height: 0 } : fitted(current, width, height);
  return (
    <section className="panel probe" aria-label="Probe">
      <div className="panel-head">
        <h2>Probe</h2>
        <LookControls name="probe" />
      </div>
      <div className="probe-body" ref={ref}>
        <div className="probe-mosaic" style={side}>
          <PixelCanvas
            name="probe"
            style={style}
            label={`Probe, ${look}, ${current?.pixels.modes ?? 0} modes`}
            css={side}
            hidden={current === null}
            onPainted={setPicture}
          />
          {current === null ? null : <ModeLabels picture={current} />}
        </div>
      </div>
      {current === null ? null : (
        <div className="caption">
          <ScaleBarMark metresPerPx={metresPerScreenPx(current, side.width)} mostPx={70} />
          <span>
            {current.image.full_shape[1]} px, {formatLength(current.image.full_shape[1] * current.image.pixel_m)} wide
            {current.pixels.modes > 1 ? "; each mode on its own scale" : ""}
          </span>
        </div>
      )}
    </section>
  );
}

function fitted(picture: Picture, width: number, height: number): { width: number; height: number } {
  const scale = Math.min(width / picture.width, height / picture.height);
  return { width: Math.floor(picture.width * scale), height: Math.floor(picture.height * scale) };
}

function metresPerScreenPx(picture: Picture, width: number): number {
  return (picture.image.pixel_m * picture.image.step * picture.width) / Math.max(1, width);
}

/** Over each mode its share of the power. */
function ModeLabels({ picture }: { picture: Picture }) {
  const { columns, lines } = mosaic(picture.pixels.modes);
  const grid: CSSProperties = {
    gridTemplateColumns: `repeat(${columns}, 1fr)`,
    gridTemplateRows: `repeat(${lines}, 1fr)`,
  };
  return (
    <ol className="mode-labels" style={grid}>
      {picture.image.powers.map((power, mode) => (
        // Modes have no name but their number.
        // eslint-disable-next-line react/no-array-index-key
        <li key={mode} data-testid={`probe-mode-${mode}`}>
          <span>
            {mode + 1}: {(100 * power).toFixed(1)} %
          </span>
        </li>
      ))}
    </ol>
  );
}
