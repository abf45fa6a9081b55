/** The main thread's end of painting: hands bytes over, puts what comes back on the screen, and asks for values. */
import type { Image, Quantity } from "../protocol";
import { difference } from "./difference";
import { answer, type Answers, type Question } from "./measure";
import { paint, type Style } from "./paint";
import { toPixels, type Pixels } from "./pixels";
import type { TokenImage } from "./lines";
import type { Painted, Reply } from "./worker";
import { hasWorkshop, workshop } from "./workshop";

export type { Painted };

/** A picture that is ready for the screen. */
export interface Ready {
  /** Puts it there. */
  show(): Painted;
}

/** One view of the page. What it is asked while it has no picture rejects. */
export interface Painter {
  readonly view: number;
  /** Paints this image, whose bytes are gone afterwards, or the last one again. Null: nothing to paint. */
  paint(style: Style, image?: Image): Promise<Ready | null>;
  /** Paints what another view holds minus what a third one holds. Rejects where they do not fit. */
  subtract(style: Style, quantity: Quantity, from: number, take: number): Promise<Ready | null>;
  ask<Q extends Question>(question: Q): Promise<Answers[Q["kind"]]>;
  forget(): void;
}

let views = 0;

export function createPainter(canvas: HTMLCanvasElement): Painter {
  const target = hasWorkshop ? canvas.getContext("bitmaprenderer") : null;
  return target === null ? new LocalPainter(canvas) : new WorkerPainter(canvas, target);
}

class WorkerPainter implements Painter {
  readonly view = ++views;
  private readonly shop = workshop();

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly target: ImageBitmapRenderingContext,
  ) {}

  async paint(style: Style, image?: Image): Promise<Ready | null> {
    const work = { kind: "paint" as const, view: this.view, style };
    if (image === undefined) return this.ready(await this.shop.order(work));
    if (hasToken(image)) return this.ready(await this.shop.order({ ...work, token: image.token }));
    const buffers = new Set(image.layers.map((layer) => layer.data.buffer as ArrayBuffer));
    return this.ready(await this.shop.order({ ...work, image }, [...buffers]));
  }

  async subtract(style: Style, quantity: Quantity, from: number, take: number): Promise<Ready | null> {
    return this.ready(await this.shop.order({ kind: "subtract", view: this.view, style, quantity, from, take }));
  }

  async ask<Q extends Question>(question: Q): Promise<Answers[Q["kind"]]> {
    const reply = await this.shop.order({ kind: "ask", view: this.view, question });
    return reply.answer as Answers[Q["kind"]];
  }

  forget(): void {
    void this.shop.order({ kind: "forget", view: this.view });
  }

  private ready({ painted }: Reply): Ready | null {
    if (!painted) return null;
    const { bitmap, ...rest } = painted;
    return {
      show: () => {
        resize(this.canvas, rest);
        this.target.transferFromImageBitmap(bitmap);
        return rest;
      },
    };
  }
}

/** For browsers without OffscreenCanvas: the same painting, on this thread. */
class LocalPainter implements Painter {
  private static readonly held = new Map<number, Pixels>();
  readonly view = ++views;

  constructor(private readonly canvas: HTMLCanvasElement) {}

  async paint(style: Style, image?: Image): Promise<Ready | null> {
    if (image !== undefined) LocalPainter.held.set(this.view, toPixels(image));
    return this.ready(style);
  }

  async subtract(style: Style, quantity: Quantity, from: number, take: number): Promise<Ready | null> {
    const [a, b] = [LocalPainter.held.get(take), LocalPainter.held.get(from)];
    if (a === undefined || b === undefined) return null;
    const made = difference(a, b, quantity);
    if (typeof made === "string") throw new Error(made);
    LocalPainter.held.set(this.view, made);
    return this.ready(style);
  }

  async ask<Q extends Question>(question: Q): Promise<Answers[Q["kind"]]> {
    const pixels = LocalPainter.held.get(this.view);
    if (pixels === undefined) throw new Error("no picture");
    return answer(pixels, question) as Answers[Q["kind"]];
  }

  forget(): void {
    LocalPainter.held.delete(this.view);
  }

  private ready(style: Style): Ready | null {
    const pixels = LocalPainter.held.get(this.view);
    const painting = pixels === undefined ? null : paint(pixels, style);
    const context = this.canvas.getContext("2d");
    if (painting === null || context === null) return null;
    const { rgba, ...rest } = painting;
    return {
      show: () => {
        resize(this.canvas, rest);
        context.putImageData(new ImageData(rgba, rest.width, rest.height), 0, 0);
        return rest;
      },
    };
  }
}

/** Whether its pixels are with the worker already. */
function hasToken(image: Image): image is TokenImage {
  return "token" in image;
}

function resize(canvas: HTMLCanvasElement, { width, height }: Painted): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}
