/** Quantised pictures as they travel: codes and the window they were quantised to; code 0 is "not covered". */
import type { Histogram, Image, Layer, Quantity } from "../protocol";

export interface PixelLayer {
  quantity: Quantity;
  low: number;
  high: number;
  /** Highest code: 2**bits - 1. */
  top: number;
  codes: Uint8Array | Uint16Array;
  /** Of the whole picture, where the service sends it. */
  histogram: Histogram | null;
}

/** Where the pixels that were sent lie among the full ones: full = origin + step * sent. */
export interface Frame {
  origin: [number, number];
  step: number;
}

export interface Pixels extends Frame {
  modes: number;
  rows: number;
  cols: number;
  layers: PixelLayer[];
}

/** `before` gives its memory away, where it fits: fresh pages for each picture would cost more than the copying. */
export function toPixels(image: Image, before?: Pixels): Pixels {
  const [modes, rows, cols] = image.shape;
  const layers = image.layers.map((layer, i) => toLayer(layer, modes * rows * cols, before?.layers[i]?.codes));
  return { modes, rows, cols, origin: image.origin, step: image.step, layers };
}

function toLayer(layer: Layer, count: number, before?: PixelLayer["codes"]): PixelLayer {
  const bytes = (count * layer.bits) / 8;
  if (layer.data.byteLength !== bytes) {
    throw new Error(`expected ${bytes} bytes of ${layer.quantity}, ${layer.data.byteLength} came`);
  }
  // A copy, since the codes lie anywhere in the message and 16-bit views must begin at an even byte.
  const own = new Uint8Array(before?.byteLength === bytes ? (before.buffer as ArrayBuffer) : new ArrayBuffer(bytes));
  own.set(layer.data);
  const codes = layer.bits === 16 ? new Uint16Array(own.buffer) : own;
  const { quantity, low, high, histogram } = layer;
  return { quantity, low, high, top: 2 ** layer.bits - 1, codes, histogram };
}

export function layerOf(pixels: Pixels, quantity: Quantity): PixelLayer | undefined {
  return pixels.layers.find((l) => l.quantity === quantity);
}

/** value = low + (code - 1) / (2**bits - 2) * (high - low); NaN where not covered. */
export function dequantise(code: number, layer: Pick<PixelLayer, "low" | "high" | "top">): number {
  if (code === 0) return Number.NaN;
  return layer.low + ((code - 1) / (layer.top - 1)) * (layer.high - layer.low);
}

/** The value of one pixel of those that were sent, or null where the picture has none. */
export function valueAt(pixels: Pixels, quantity: Quantity, mode: number, row: number, col: number): number | null {
  const layer = layerOf(pixels, quantity);
  const inside = row >= 0 && col >= 0 && row < pixels.rows && col < pixels.cols;
  if (layer === undefined || !inside) return null;
  const code = layer.codes[(mode * pixels.rows + row) * pixels.cols + col];
  return code === undefined || code === 0 ? null : dequantise(code, layer);
}
