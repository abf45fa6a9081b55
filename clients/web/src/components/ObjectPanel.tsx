import { useMemo, useState } from "react";

import { scannedArea } from "../lib/area";
import type { Area } from "../lib/viewport";
import { store, useLive } from "../live/page";
import { BesideStage } from "./BesideStage";
import { ColourBar } from "./ColourBar";
import { LevelControls } from "./LevelControls";
import { LookControls } from "./LookControls";
import { ObjectStage } from "./ObjectStage";
import type { Picture } from "./PictureCanvas";
import { useViewport } from "./useViewport";

const NOTHING: Area = { row: 0, col: 0, height: 1, width: 1 };

export function ObjectPanel() {
  const [picture, setPicture] = useState<Picture | null>(null);
  const shown = useLive((s) => s.shown.object);
  const reconstruction = useLive((s) => s.reconstruction);
  const beside = useLive((s) => s.looking.beside);
  const current = shown === null ? null : picture;
  const points = useLive((s) => s.points);
  const area = useMemo(() => (current === null ? NOTHING : scannedArea(points, current.image)), [points, current]);
  const viewport = useViewport(area, reconstruction);
  return (
    <section className="panel object" aria-label="Object">
      <div className="panel-head">
        <h2>Object</h2>
        <LookControls name="object" />
        <FlatControl />
        <LevelControls name="object" picture={current} />
      </div>
      <div className="object-body">
        <ObjectStage picture={current} viewport={viewport} onPainted={setPicture} />
        {beside === null ? null : <BesideStage main={current} beside={beside} viewport={viewport} />}
        {current === null ? null : <ColourBar picture={current} />}
      </div>
    </section>
  );
}

function FlatControl() {
  const flat = useLive((s) => s.looking.flat);
  return (
    <label className="check" title="Take the linear phase ramp off, for the eye only: the data stay as they are">
      <input
        type="checkbox"
        data-testid="flat"
        checked={flat}
        onChange={(event) => store.dispatch({ type: "look", change: { flat: event.target.checked } })}
      />
      Flatten
    </label>
  );
}
