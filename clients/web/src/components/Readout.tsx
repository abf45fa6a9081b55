import { valueAt } from "../image/pixels";
import { formatLength } from "../lib/format";
import type { Picture } from "./PixelCanvas";

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
          snapshot {image.snapshot} · iteration {image.iteration} · {image.frames} frames · {cols} × {rows} px of{" "}
          {formatLength(image.pixel_m)}
        </span>
      ) : (
        <Under picture={picture} cursor={cursor} />
      )}
    </div>
  );
}

function Under({ picture, cursor: [row, col] }: { picture: Picture; cursor: [number, number] }) {
  const { image, pixels } = picture;
  const at = (full: number, origin: number) => Math.floor((full - origin) / image.step);
  const [sentRow, sentCol] = [at(row, image.origin[0]), at(col, image.origin[1])];
  const phase = valueAt(pixels, "phase", 0, sentRow, sentCol);
  const amplitude = valueAt(pixels, "amplitude", 0, sentRow, sentCol);
  const um = (px: number) => (px * image.pixel_m * 1e6).toFixed(3);
  return (
    <>
      <span>
        x <b>{um(col)}</b> y <b>{um(row)}</b> µm
      </span>
      <span>
        px <b>{Math.floor(col)}</b>, <b>{Math.floor(row)}</b>
      </span>
      {phase === null ? null : (
        <span>
          phase <b>{phase.toFixed(3)}</b> rad
        </span>
      )}
      {amplitude === null ? null : (
        <span>
          amplitude <b>{amplitude.toPrecision(4)}</b>
        </span>
      )}
      {phase === null && amplitude === null ? <span className="dim">not covered</span> : null}
    </>
  );
}
