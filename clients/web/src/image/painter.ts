/** The main thread's end of painting: hands pixels to the worker and puts what comes back on the screen. */
import { paint, type Painting, type Style } from "./paint";
import type { Pixels } from "./pixels";
import type { PaintOrder, PaintReply } from "./worker";

export type Painted = Omit<Painting, "rgba">;

export interface Painter {
  /** Paints these pixels, or the last ones again; resolves when they are on the canvas. Null: nothing to paint. */
  paint(style: Style, pixels?: Pixels): Promise<Painted | null>;
}

export function createPainter(canvas: HTMLCanvasElement): Painter {
  const target = typeof OffscreenCanvas === "undefined" ? null : canvas.getContext("bitmaprenderer");
  return target === null ? new LocalPainter(canvas) : new WorkerPainter(canvas, target);
}

/** One worker serves every view of the page. */
class Workshop {
  private readonly worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  private readonly waiting = new Map<number, (reply: PaintReply) => void>();
  private orders = 0;
  private views = 0;

  constructor() {
    this.worker.addEventListener("message", ({ data }: MessageEvent<PaintReply>) => {
      this.waiting.get(data.sequence)?.(data);
      this.waiting.delete(data.sequence);
    });
  }

  newView(): number {
    return ++this.views;
  }

  order(order: Omit<PaintOrder, "sequence">): Promise<PaintReply> {
    const sequence = ++this.orders;
    this.worker.postMessage({ ...order, sequence } satisfies PaintOrder);
    return new Promise((resolve) => this.waiting.set(sequence, resolve));
  }
}

let workshop: Workshop | null = null;

class WorkerPainter implements Painter {
  private readonly shop = (workshop ??= new Workshop());
  private readonly view = this.shop.newView();

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly target: ImageBitmapRenderingContext,
  ) {}

  async paint(style: Style, pixels?: Pixels): Promise<Painted | null> {
    const order = pixels === undefined ? { view: this.view, style } : { view: this.view, style, pixels };
    const { painted } = await this.shop.order(order);
    if (painted === null) return null;
    const { bitmap, ...rest } = painted;
    resize(this.canvas, rest);
    this.target.transferFromImageBitmap(bitmap);
    return rest;
  }
}

/** For browsers without OffscreenCanvas: the same painting, on this thread. */
class LocalPainter implements Painter {
  private pixels: Pixels | null = null;

  constructor(private readonly canvas: HTMLCanvasElement) {}

  async paint(style: Style, pixels?: Pixels): Promise<Painted | null> {
    this.pixels = pixels ?? this.pixels;
    const painting = this.pixels === null ? null : paint(this.pixels, style);
    const context = this.canvas.getContext("2d");
    if (painting === null || context === null) return null;
    const { rgba, ...rest } = painting;
    resize(this.canvas, rest);
    context.putImageData(new ImageData(rgba, rest.width, rest.height), 0, 0);
    return rest;
  }
}

function resize(canvas: HTMLCanvasElement, { width, height }: Painted): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}
