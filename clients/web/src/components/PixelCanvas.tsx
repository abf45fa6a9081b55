import { useEffect, useEffectEvent, useRef, type CSSProperties } from "react";
import { flushSync } from "react-dom";

import { createPainter, type Painted, type Painter } from "../image/painter";
import type { Style } from "../image/paint";
import { toPixels, type Pixels } from "../image/pixels";
import { session } from "../live/page";
import type { Image, ImageName } from "../protocol";

/** What is on the canvas: the message's frame, its pixels for reading values, and how it was painted. */
export interface Picture extends Painted {
  image: Omit<Image, "layers">;
  pixels: Pixels;
}

interface PixelCanvasProps {
  name: ImageName;
  style: Style;
  label: string;
  css: CSSProperties;
  hidden: boolean;
  onPainted: (change: (old: Picture | null) => Picture | null) => void;
}

/** The canvas of one picture of the session: paints what arrives, and again when the style changes. */
export function PixelCanvas({ name, style, label, css, hidden, onPainted }: PixelCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<Painter>(null);
  const paintNow = useEffectEvent((own: Painter, pixels: Pixels) => own.paint(style, pixels));

  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const own = createPainter(element);
    painter.current = own;
    return session.attach(name, async (image) => {
      const pixels = toPixels(image);
      const painted = await paintNow(own, pixels);
      if (painted === null) return false;
      mark(element, image, painted);
      // At once, so that geometry and colour bar change in the same frame as the pixels.
      flushSync(() => onPainted(() => ({ ...painted, image, pixels })));
      return true;
    });
  }, [name, onPainted]);

  const { look, colormap, locked } = style;
  useEffect(() => {
    const repaint = async () => {
      const painted = await painter.current?.paint({ look, colormap, locked });
      if (painted) onPainted((old) => (old === null ? null : { ...old, ...painted }));
    };
    void repaint();
  }, [look, colormap, locked, onPainted]);

  return (
    <canvas ref={canvas} data-testid={`${name}-canvas`} role="img" aria-label={label} style={css} hidden={hidden} />
  );
}

/** What is really on the screen, for tests and for whoever looks with the inspector. */
function mark(canvas: HTMLCanvasElement, image: Image, painted: Painted): void {
  const { dataset } = canvas;
  dataset["reconstruction"] = image.reconstruction;
  dataset["snapshot"] = String(image.snapshot);
  dataset["iteration"] = String(image.iteration);
  dataset["frames"] = String(image.frames);
  dataset["newestIndex"] = String(image.newest_index);
  dataset["look"] = painted.look;
  dataset["painted"] = String(Number(dataset["painted"] ?? 0) + 1);
}
