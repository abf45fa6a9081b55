/** Keeps pictures off the main thread: bytes come in, bitmaps that are ready for the screen and numbers go out. */
import type { Image, Quantity } from "../protocol";
import { difference } from "./difference";
import { Lines, type LineNews, type LineOrder } from "./lines";
import { answer, type Answers, type Question } from "./measure";
import { paint, type Painting, type Style } from "./paint";
import { toPixels, type Pixels } from "./pixels";

export type Order = { view: number; sequence: number } & (
  | { kind: "paint"; style: Style; /** Left out when only the style changed. */ image?: Image; token?: number }
  | { kind: "subtract"; style: Style; quantity: Quantity; from: number; take: number }
  | { kind: "ask"; question: Question }
  | { kind: "forget" }
);

export type Painted = Omit<Painting, "rgba">;

export interface Reply {
  sequence: number;
  /** Null where there is nothing that could be painted in this style. */
  painted?: (Painted & { bitmap: ImageBitmap }) | null;
  answer?: Answers[Question["kind"]];
  /** Why it could not be done. */
  problem?: string;
}

interface Scope {
  addEventListener: (type: "message", listener: (event: MessageEvent<Order | LineOrder>) => void) => void;
  postMessage: (reply: Reply | LineNews, transfer: Transferable[]) => void;
}

const scope = self as unknown as Scope;
const held = new Map<number, Pixels>();
const canvas = new OffscreenCanvas(1, 1);
const lines = new Lines((news, transfer) => scope.postMessage(news, transfer));

scope.addEventListener("message", ({ data: order }) => {
  if ("line" in order) {
    lines.obey(order);
    return;
  }
  const { sequence } = order;
  try {
    const reply = fulfil(order);
    scope.postMessage({ sequence, ...reply }, reply.painted ? [reply.painted.bitmap] : []);
  } catch (error) {
    scope.postMessage({ sequence, problem: String(error) }, []);
  }
});

function fulfil(order: Order): Omit<Reply, "sequence"> {
  switch (order.kind) {
    case "paint": {
      const image = order.token === undefined ? order.image : lines.collect(order.token);
      if (order.token !== undefined && image === undefined) return { painted: null };
      if (image !== undefined) held.set(order.view, toPixels(image, held.get(order.view)));
      return { painted: painted(held.get(order.view), order.style) };
    }
    case "subtract": {
      const [a, b] = [held.get(order.take), held.get(order.from)];
      if (a === undefined || b === undefined) return { painted: null };
      const made = difference(a, b, order.quantity);
      if (typeof made === "string") return { problem: made };
      held.set(order.view, made);
      return { painted: painted(made, order.style) };
    }
    case "ask": {
      const pixels = held.get(order.view);
      return pixels === undefined ? { problem: "no picture" } : { answer: answer(pixels, order.question) };
    }
    case "forget":
      held.delete(order.view);
      return {};
  }
}

let words = new Uint32Array(0);

/** The same memory for one picture after the other: fresh pages would cost more than painting does. */
function room(length: number): Uint32Array<ArrayBuffer> {
  if (words.length !== length) words = new Uint32Array(length);
  return words.fill(0);
}

function painted(pixels: Pixels | undefined, style: Style): Reply["painted"] {
  const painting = pixels === undefined ? null : paint(pixels, style, room);
  // Said to be read, the canvas stays in plain memory: pixels that come from there have no way through a GPU.
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (painting === null || context === null) return null;
  const { rgba, ...rest } = painting;
  if (canvas.width !== rest.width) canvas.width = rest.width;
  if (canvas.height !== rest.height) canvas.height = rest.height;
  context.putImageData(new ImageData(rgba, rest.width, rest.height), 0, 0);
  return { ...rest, bitmap: canvas.transferToImageBitmap() };
}
