import { useMemo, type CSSProperties } from "react";

import { formatCount } from "../lib/format";
import type { View } from "../lib/viewport";
import { store, useLive } from "../live/page";
import { selectedReconstruction, selectedScan, selectedSeries } from "../state/select";
import { PixelCanvas, type Picture } from "./PixelCanvas";
import { PositionsOverlay } from "./PositionsOverlay";
import { Readout } from "./Readout";
import { ScaleBarMark } from "./ScaleBarMark";
import { useCrop } from "./useCrop";
import { useViewport } from "./useViewport";
import { ViewButtons } from "./ViewButtons";

interface ObjectStageProps {
  picture: Picture | null;
  onPainted: (change: (old: Picture | null) => Picture | null) => void;
}

/** The object on its ground, with all that lies over it. */
export function ObjectStage({ picture, onPainted }: ObjectStageProps) {
  const reconstruction = useLive((s) => s.reconstruction);
  const { look, colormaps, locked } = useLive((s) => s.views.object);
  const positions = useLive((s) => selectedSeries(s).positions);
  const showPositions = useLive((s) => s.showPositions);
  const [rows, cols] = picture?.image.full_shape ?? [1, 1];
  const { ref, size, view, cursor, zoom, fit, handlers } = useViewport(rows, cols, reconstruction);
  useCrop(picture, view, size);
  const colormap = colormaps[look];
  const own = locked[look];
  const style = useMemo(() => ({ look, colormap, locked: own }), [look, colormap, own]);
  return (
    <div className="stage-frame">
      {/* A viewport takes keys, so it can be focused; which keys is in its label. */}
      <div
        ref={ref}
        className="stage"
        data-testid="object-stage"
        role="application"
        aria-label="Object: drag or arrow keys pan, wheel or plus and minus zoom, 0 fits"
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        {...handlers}
      >
        <PixelCanvas
          name="object"
          style={style}
          label={`Object, ${look}`}
          css={picture === null ? {} : placed(picture, view)}
          hidden={picture === null}
          onPainted={onPainted}
        />
        {picture !== null && showPositions ? <PositionsOverlay table={positions} view={view} size={size} /> : null}
        {picture === null ? <Waiting /> : <ScaleBarMark metresPerPx={picture.image.pixel_m / view.scale} mostPx={160} />}
      </div>
      <ViewButtons
        zoom={zoom}
        fit={fit}
        showPositions={showPositions}
        onShowPositions={(show) => store.dispatch({ type: "showPositions", show })}
      />
      {picture === null ? null : <Readout picture={picture} cursor={cursor} />}
    </div>
  );
}

/** The canvas holds the pixels that came; CSS puts them where they belong among the full pixels. */
function placed({ image }: Picture, view: View): CSSProperties {
  const [row, col] = image.origin;
  const scale = view.scale * image.step;
  return {
    transform: `translate(${view.x + col * view.scale}px, ${view.y + row * view.scale}px) scale(${scale})`,
    imageRendering: scale > 1.5 ? "pixelated" : "auto",
  };
}

function Waiting() {
  const scan = useLive(selectedScan);
  const recon = useLive(selectedReconstruction);
  const text =
    recon === null
      ? "No reconstruction runs on this scan. Start one below."
      : recon.state === "waiting"
        ? `Waiting for frames: ${formatCount(scan?.received ?? 0)} so far.`
        : recon.state === "refused" || recon.state === "failed"
          ? recon.message || `The reconstruction ${recon.state}.`
          : "The first picture is on its way.";
  return (
    <p className="waiting" data-testid="waiting">
      {text}
    </p>
  );
}
