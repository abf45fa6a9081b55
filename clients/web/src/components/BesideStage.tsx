import { useEffect, useMemo, useState } from "react";

import { createPainter } from "../image/painter";
import type { Style } from "../image/paint";
import { quantityOf } from "../lib/quantity";
import { useLive } from "../live/page";
import { fieldRequests } from "../live/subscription";
import type { Beside } from "../state/looking";
import { fetchedFeed } from "./feeds";
import { placed } from "./ObjectStage";
import { PictureCanvas, type Picture } from "./PictureCanvas";
import { useRefresh } from "./useRefresh";
import { useFieldStyle } from "./useStyles";
import type { Viewport } from "./useViewport";

interface BesideStageProps {
  /** What it is compared with. */
  main: Picture | null;
  beside: Beside;
  viewport: Viewport;
}

/** Another reconstruction, or another moment, at the same place and zoom; or the difference of the two. */
export function BesideStage({ main, beside, viewport }: BesideStageProps) {
  const [picture, setPicture] = useState<Picture | null>(null);
  const [problem, setProblem] = useState("");
  const difference = useLive((s) => s.looking.difference);
  const style = useFieldStyle("object");
  const feed = useBesideFeed(beside, setProblem);
  const { view, handlers } = viewport;
  const css = picture === null ? {} : placed(picture.image, view);
  return (
    <div className="stage-frame beside">
      <div className="stage" data-testid="beside-stage" {...handlers}>
        <PictureCanvas
          testId="beside-canvas"
          feed={feed}
          style={style}
          label={`Object of ${beside.reconstruction}, to compare`}
          css={css}
          hidden={picture === null || difference}
          onPainted={setPicture}
        />
        {difference && picture !== null && main !== null ? (
          <Difference main={main} other={picture} style={style} viewport={viewport} />
        ) : null}
      </div>
      <span className="stage-label" data-testid="beside-label">
        B{difference ? " − A" : ""}: {beside.reconstruction}
        {picture === null ? "" : `, iteration ${picture.image.iteration}`}
      </span>
      {problem === "" ? null : <p className="waiting">{problem}</p>}
    </div>
  );
}

function useBesideFeed({ reconstruction, at }: Beside, onProblem: (text: string) => void) {
  const views = useLive((s) => s.views);
  const crop = useLive((s) => s.crop);
  const looking = useLive((s) => s.looking);
  const snapshot = useLive((s) => s.reconstructions[reconstruction]?.snapshot ?? 0);
  const asked = JSON.stringify(fieldRequests({ views, crop, looking })[0]);
  const turn = useRefresh(at === null ? snapshot : 0, 1000);
  return useMemo(
    () => fetchedFeed({ reconstruction, at, snapshot: turn }, JSON.parse(asked), onProblem),
    [reconstruction, at, asked, turn, onProblem],
  );
}

interface DifferenceProps {
  main: Picture;
  other: Picture;
  style: Style;
  viewport: Viewport;
}

/** The other picture minus the main one, in colours whose middle is zero. */
function Difference({ main, other, style, viewport }: DifferenceProps) {
  const [canvas, setCanvas] = useState<HTMLCanvasElement | null>(null);
  const [said, setSaid] = useState("");
  const painter = useMemo(() => (canvas === null ? null : createPainter(canvas)), [canvas]);
  const quantity = quantityOf(style.look);
  useEffect(() => {
    const colours: Style = { look: quantity as Style["look"], colormap: "redblue", locked: null };
    painter
      ?.subtract(colours, quantity, other.painter.view, main.painter.view)
      .then((ready) => ready && setSaid(`± ${ready.show().levels.high.toPrecision(2)}`))
      .catch((error: unknown) => setSaid(error instanceof Error ? error.message : String(error)));
  }, [painter, quantity, main, other]);
  useEffect(() => () => painter?.forget(), [painter]);
  return (
    <>
      <canvas
        ref={setCanvas}
        data-testid="difference-canvas"
        role="img"
        aria-label={`Difference in ${quantity}`}
        style={placed(main.image, viewport.view)}
      />
      <span className="difference-span" data-testid="difference-span">
        {quantity} {said}
      </span>
    </>
  );
}
