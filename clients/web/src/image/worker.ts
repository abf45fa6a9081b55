/** Paints pictures off the main thread: codes come in, a bitmap that is ready for the screen goes out. */
import { paint, type Painting, type Style } from "./paint";
import type { Pixels } from "./pixels";

export interface PaintOrder {
  view: number;
  sequence: number;
  style: Style;
  /** Left out when only the style changed: the last pixels of this view are painted again. */
  pixels?: Pixels;
}

export interface PaintReply {
  view: number;
  sequence: number;
  /** Null where there is nothing that could be painted in this style. */
  painted: (Omit<Painting, "rgba"> & { bitmap: ImageBitmap }) | null;
}

interface Scope {
  addEventListener: (type: "message", listener: (event: MessageEvent<PaintOrder>) => void) => void;
  postMessage: (reply: PaintReply, transfer: Transferable[]) => void;
}

interface Easel {
  pixels: Pixels;
  canvas: OffscreenCanvas;
}

const scope = self as unknown as Scope;
const easels = new Map<number, Easel>();

function easel({ view, pixels }: PaintOrder): Easel | undefined {
  const known = easels.get(view);
  if (pixels === undefined) return known;
  const next = { pixels, canvas: known?.canvas ?? new OffscreenCanvas(1, 1) };
  easels.set(view, next);
  return next;
}

scope.addEventListener("message", ({ data: order }) => {
  const { view, sequence, style } = order;
  const own = easel(order);
  const painting = own === undefined ? null : paint(own.pixels, style);
  // Said to be read, the canvas stays in plain memory: pixels that come from there have no way through a GPU.
  const context = own?.canvas.getContext("2d", { willReadFrequently: true });
  if (own === undefined || painting === null || !context) {
    scope.postMessage({ view, sequence, painted: null }, []);
    return;
  }
  const { rgba, ...rest } = painting;
  if (own.canvas.width !== rest.width) own.canvas.width = rest.width;
  if (own.canvas.height !== rest.height) own.canvas.height = rest.height;
  context.putImageData(new ImageData(rgba, rest.width, rest.height), 0, 0);
  const bitmap = own.canvas.transferToImageBitmap();
  scope.postMessage({ view, sequence, painted: { ...rest, bitmap } }, [bitmap]);
});
