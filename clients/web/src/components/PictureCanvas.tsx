import { useEffect, useEffectEvent, useRef, type CSSProperties } from "react";

import { createPainter, type Painted, type Painter } from "../image/painter";
import type { Style } from "../image/paint";
import { together } from "../live/page";
import type { Sink } from "../live/session";
import type { Image, Layer } from "../protocol";

/** A picture's message without its pixels, which the painter has. */
export type PictureInfo = Omit<Image, "layers"> & { layers: Omit<Layer, "data">[] };

/** What is on the canvas, how it was painted, and whom to ask for its values. */
export interface Picture extends Painted {
  image: PictureInfo;
  painter: Painter;
}

interface PictureCanvasProps {
  testId: string;
  style: Style;
  label: string;
  css: CSSProperties;
  hidden: boolean;
  /** Called once with where images go; returns what ends it. */
  feed: (show: Sink) => () => void;
  onPainted: (change: (old: Picture | null) => Picture | null) => void;
}

/** A canvas that paints what it is fed, and again when the style changes. */
export function PictureCanvas({ testId, style, label, css, hidden, feed, onPainted }: PictureCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<Painter>(null);
  const paintNow = useEffectEvent((own: Painter, image: Image) => own.paint(style, image));

  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const own = (painter.current ??= createPainter(element));
    const end = feed(async (image, onShown) => {
      const info = without(image);
      const ready = await paintNow(own, image);
      if (ready === null) return false;
      // Geometry and colour bar change in the same rendering as the pixels, and smaller pictures with the object.
      const show = () => {
        const painted = ready.show();
        mark(element, info, painted);
        onPainted(() => ({ ...painted, image: info, painter: own }));
        onShown();
      };
      if (image.name === "object") together.now(show);
      else await together.later(show);
      return true;
    });
    return end;
  }, [feed, onPainted]);
  useEffect(() => () => painter.current?.forget(), []);

  const { look, colormap, locked } = style;
  useEffect(() => {
    const repaint = async () => {
      const ready = await painter.current?.paint({ look, colormap, locked });
      if (!ready) return;
      together.now(() => {
        const painted = ready.show();
        onPainted((old) => (old === null ? null : { ...old, ...painted }));
      });
    };
    void repaint();
  }, [look, colormap, locked, onPainted]);

  return <canvas ref={canvas} data-testid={testId} role="img" aria-label={label} style={css} hidden={hidden} />;
}

function without({ layers, ...rest }: Image): PictureInfo {
  const told = layers.map(({ quantity, bits, low, high, histogram }) => ({ quantity, bits, low, high, histogram }));
  return { ...rest, layers: told };
}

/** What is really on the screen, for tests and for whoever looks with the inspector. */
function mark(canvas: HTMLCanvasElement, image: PictureInfo, painted: Painted): void {
  const { dataset } = canvas;
  dataset["reconstruction"] = image.reconstruction;
  dataset["snapshot"] = String(image.snapshot);
  dataset["iteration"] = String(image.iteration);
  dataset["frames"] = String(image.frames);
  dataset["newestIndex"] = String(image.newest_index);
  dataset["look"] = painted.look;
  dataset["painted"] = String(Number(dataset["painted"] ?? 0) + 1);
}
