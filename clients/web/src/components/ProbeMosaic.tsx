import { useEffect, type CSSProperties } from "react";

import { mosaic } from "../image/mosaic";
import type { Sink } from "../live/session";
import { PictureCanvas, type Picture } from "./PictureCanvas";
import { useBoxSize } from "./useBoxSize";
import { useFieldStyle } from "./useStyles";

interface ProbeMosaicProps {
  testId: string;
  feed: (show: Sink) => () => void;
  picture: Picture | null;
  onPainted: (change: (old: Picture | null) => Picture | null) => void;
  /** Told how wide the modes are drawn, in pixels of the screen. */
  onWidth?: (width: number) => void;
  title?: string;
}

/** All modes of a probe side by side, each with its share of the power. */
export function ProbeMosaic({ testId, feed, picture, onPainted, onWidth, title }: ProbeMosaicProps) {
  const style = useFieldStyle("probe");
  const { ref, width, height } = useBoxSize();
  const side = picture === null ? { width: 0, height: 0 } : fitted(picture, width, height);
  useEffect(() => onWidth?.(side.width), [onWidth, side.width]);
  return (
    <div className="probe-body" ref={ref}>
      <div className="probe-mosaic" style={side}>
        <PictureCanvas
          testId={testId}
          feed={feed}
          style={style}
          label={`Probe, ${style.look}, ${picture?.image.shape[0] ?? 0} modes`}
          css={side}
          hidden={picture === null}
          onPainted={onPainted}
        />
        {picture === null ? null : <ModeLabels picture={picture} />}
      </div>
      {title === undefined ? null : <span className="stage-label">{title}</span>}
    </div>
  );
}

function fitted(picture: Picture, width: number, height: number): { width: number; height: number } {
  const scale = Math.min(width / picture.width, height / picture.height);
  return { width: Math.floor(picture.width * scale), height: Math.floor(picture.height * scale) };
}

/** Over each mode its share of the power. */
function ModeLabels({ picture }: { picture: Picture }) {
  const { columns, lines } = mosaic(picture.image.shape[0]);
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
