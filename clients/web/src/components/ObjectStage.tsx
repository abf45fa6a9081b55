import type { CSSProperties, PointerEvent } from "react";

import { formatCount } from "../lib/format";
import type { View } from "../lib/viewport";
import { store, useLive } from "../live/page";
import { selectedReconstruction, selectedScan, selectedSeries } from "../state/select";
import { liveFeed } from "./feeds";
import { MeasureOverlay } from "./MeasureOverlay";
import { MeasureResult } from "./MeasureResult";
import { PictureCanvas, type Picture, type PictureInfo } from "./PictureCanvas";
import { PositionsOverlay } from "./PositionsOverlay";
import { Readout } from "./Readout";
import { ScaleBarMark } from "./ScaleBarMark";
import { useCrop } from "./useCrop";
import { useMeasure } from "./useMeasure";
import { useFieldStyle } from "./useStyles";
import type { Viewport } from "./useViewport";
import { ViewButtons } from "./ViewButtons";

interface ObjectStageProps {
  picture: Picture | null;
  viewport: Viewport;
  onPainted: (change: (old: Picture | null) => Picture | null) => void;
}

const FEED = liveFeed("object");

/** The object on its ground, with all that lies over it. */
export function ObjectStage({ picture, viewport, onPainted }: ObjectStageProps) {
  const { ref, size, view, cursor, zoom, fit, point, handlers } = viewport;
  const style = useFieldStyle("object");
  const positions = useLive((s) => selectedSeries(s).positions);
  const points = useLive((s) => s.points);
  const showPositions = useLive((s) => s.showPositions);
  const beside = useLive((s) => s.looking.beside !== null);
  const measure = useMeasure(view);
  useCrop(picture, view, size);
  const drawing = {
    ...handlers,
    onPointerDown: measure.handlers.onPointerDown,
    onPointerMove: (event: PointerEvent) => {
      measure.handlers.onPointerMove(event);
      point(event);
    },
  };
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
        {...(measure.tool === "pan" ? handlers : drawing)}
      >
        <PictureCanvas
          testId="object-canvas"
          feed={FEED}
          style={style}
          label={`Object, ${style.look}`}
          css={picture === null ? {} : placed(picture.image, view)}
          hidden={picture === null}
          onPainted={onPainted}
        />
        {picture !== null && showPositions ? (
          <PositionsOverlay table={positions} points={points} image={picture.image} view={view} size={size} />
        ) : null}
        {beside && picture !== null ? <span className="stage-label">A: iteration {picture.image.iteration}</span> : null}
        {measure.mark === null ? null : <MeasureOverlay mark={measure.mark} view={view} />}
        {picture === null ? <Waiting /> : <ScaleBarMark metresPerPx={picture.image.pixel_m / view.scale} mostPx={160} />}
      </div>
      <ViewButtons
        zoom={zoom}
        fit={fit}
        showPositions={showPositions}
        onShowPositions={(show) => store.dispatch({ type: "showPositions", show })}
        tool={measure.tool}
        choose={measure.choose}
      />
      {picture !== null && measure.mark !== null ? <MeasureResult picture={picture} mark={measure.mark} /> : null}
      {picture === null ? null : <Readout picture={picture} cursor={cursor} />}
    </div>
  );
}

/** The canvas holds the pixels that came; CSS puts them where they belong among the full pixels. */
export function placed(image: PictureInfo, view: View): CSSProperties {
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
