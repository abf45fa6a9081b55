import { useState } from "react";

import type { Style } from "../image/paint";
import { formatCount } from "../lib/format";
import { countsOf } from "../lib/quantity";
import { store, useLive } from "../live/page";
import { liveFeed } from "./feeds";
import { PictureCanvas, type Picture } from "./PictureCanvas";
import { useAsk } from "./useAsk";
import { useBoxSize } from "./useBoxSize";

const FEED = liveFeed("latest", "summed");
const STYLE: Style = { look: "counts", colormap: "inferno", locked: null };
const PATTERNS = [
  { pattern: "latest", label: "Latest", title: "The newest frame" },
  { pattern: "summed", label: "Sum", title: "All frames added up" },
] as const;

/** What the detector sees, on a logarithmic scale: untrusted pixels hatched, saturated ones marked. */
export function DiffractionPanel() {
  const [picture, setPicture] = useState<Picture | null>(null);
  const pattern = useLive((s) => s.looking.pattern);
  const reconstruction = useLive((s) => s.reconstruction);
  const current = picture?.image.reconstruction === reconstruction ? picture : null;
  return (
    <section className="panel diffraction" aria-label="Diffraction">
      <div className="panel-head">
        <h2>Diffraction</h2>
        <div className="segmented" role="group" aria-label="Which diffraction pattern">
          {PATTERNS.map((each) => (
            <button
              key={each.pattern}
              type="button"
              title={each.title}
              aria-pressed={pattern === each.pattern}
              data-testid={`pattern-${each.pattern}`}
              onClick={() => store.dispatch({ type: "look", change: { pattern: each.pattern } })}
            >
              {each.label}
            </button>
          ))}
        </div>
      </div>
      <Pattern picture={current} onPainted={setPicture} />
    </section>
  );
}

interface PatternProps {
  picture: Picture | null;
  onPainted: (change: (old: Picture | null) => Picture | null) => void;
}

function Pattern({ picture, onPainted }: PatternProps) {
  const { ref, width, height } = useBoxSize();
  const [cursor, setCursor] = useState<[number, number] | null>(null);
  const scale = picture === null ? 0 : Math.min(width / picture.width, height / picture.height);
  const css = picture === null ? {} : { width: picture.width * scale, height: picture.height * scale };
  return (
    <>
      <div className="diffraction-body" ref={ref}>
        <PictureCanvas
          testId="diffraction-canvas"
          feed={FEED}
          style={STYLE}
          label="Diffraction pattern, logarithmic"
          css={css}
          hidden={picture === null}
          onPainted={onPainted}
        />
        {picture === null ? (
          <p className="dim none-yet">No frame yet</p>
        ) : (
          <div
            className="pointer-pad"
            style={css}
            onPointerMove={({ nativeEvent: { offsetX, offsetY } }) => {
              const { step } = picture.image;
              setCursor([Math.floor(offsetY / scale) * step, Math.floor(offsetX / scale) * step]);
            }}
            onPointerLeave={() => setCursor(null)}
          />
        )}
      </div>
      {picture === null ? null : <PatternCaption picture={picture} cursor={cursor} />}
    </>
  );
}

function PatternCaption({ picture, cursor }: { picture: Picture; cursor: [number, number] | null }) {
  const { image, marked } = picture;
  const values = useAsk(picture, cursor === null ? null : { kind: "values", mode: 0, at: cursor });
  if (cursor !== null && values !== null) {
    const counts = values.counts;
    const text = typeof counts === "number" ? `${formatCount(Math.round(countsOf(counts)))} counts` : "not trusted";
    return (
      <div className="pattern-caption" data-testid="pattern-caption">
        px {cursor[1]}, {cursor[0]}: <b>{values.saturated === 1 ? "saturated" : text}</b>
      </div>
    );
  }
  return (
    <div className="pattern-caption" data-testid="pattern-caption">
      {image.name === "latest" ? `frame ${formatCount(image.newest_index)}` : `${formatCount(image.frames)} frames`}
      {image.layers[0] === undefined ? "" : `, up to ${formatCount(Math.round(countsOf(image.layers[0].high)))}`}
      {marked > 0 ? (
        <span className="saturated" data-testid="saturated">
          ◆ {formatCount(marked)} saturated
        </span>
      ) : null}
    </div>
  );
}
