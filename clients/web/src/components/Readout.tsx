import { formatCount, formatLength } from "../lib/format";
import type { PictureInfo, Picture } from "./PictureCanvas";
import { useAsk } from "./useAsk";

interface ReadoutProps {
  picture: Picture;
  cursor: [number, number] | null;
}

/** What is under the pointer: place, pixel and value; without a pointer, what the picture is. */
export function Readout({ picture, cursor }: ReadoutProps) {
  const { image } = picture;
  const [rows, cols] = image.full_shape;
  return (
    <div className="readout" data-testid="readout">
      {cursor === null ? (
        <span className="dim">
          iteration {formatCount(image.iteration)} · {formatCount(image.frames)} frames · {cols} × {rows} px of{" "}
          {formatLength(image.pixel_m)}
          {image.ramp.some((slope) => slope !== 0) ? ` · ramp of ${rampText(image)} removed` : ""}
        </span>
      ) : (
        <Under picture={picture} cursor={cursor} />
      )}
    </div>
  );
}

/** The ramp in rad a micrometre, along x and y. */
function rampText({ ramp, pixel_m }: PictureInfo): string {
  const [y, x] = ramp.map((slope) => (slope / (pixel_m * 1e6)).toPrecision(2));
  return `${x}, ${y} rad/µm`;
}

function Under({ picture, cursor }: { picture: Picture; cursor: [number, number] }) {
  const { image } = picture;
  const [row, col] = cursor;
  const values = useAsk(picture, { kind: "values", mode: 0, at: [Math.floor(row), Math.floor(col)] });
  const um = (px: number) => (px * image.pixel_m * 1e6).toFixed(3);
  const { phase, amplitude } = values ?? {};
  return (
    <>
      <span>
        x <b>{um(col)}</b> y <b>{um(row)}</b> µm
      </span>
      <span>
        px{" "}
        <b data-testid="readout-px">
          {Math.floor(col)}, {Math.floor(row)}
        </b>
      </span>
      {typeof phase === "number" ? (
        <span>
          phase <b data-testid="readout-phase">{phase.toFixed(4)}</b> rad
        </span>
      ) : null}
      {typeof amplitude === "number" ? (
        <span>
          amplitude <b>{amplitude.toPrecision(4)}</b>
        </span>
      ) : null}
      {values !== null && typeof phase !== "number" && typeof amplitude !== "number" ? (
        <span className="dim">not covered</span>
      ) : null}
    </>
  );
}
