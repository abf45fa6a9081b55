import { useState } from "react";

import { useLive } from "../live/page";
import { ColourBar } from "./ColourBar";
import { LevelControls } from "./LevelControls";
import { LookControls } from "./LookControls";
import { ObjectStage } from "./ObjectStage";
import type { Picture } from "./PixelCanvas";

export function ObjectPanel() {
  const [picture, setPicture] = useState<Picture | null>(null);
  const shown = useLive((s) => s.shown.object);
  const current = shown === null ? null : picture;
  return (
    <section className="panel object" aria-label="Object">
      <div className="panel-head">
        <h2>Object</h2>
        <LookControls name="object" />
        <LevelControls name="object" levels={current?.levels ?? null} />
      </div>
      <div className="object-body">
        <ObjectStage picture={current} onPainted={setPicture} />
        {current === null ? null : <ColourBar picture={current} />}
      </div>
    </section>
  );
}
