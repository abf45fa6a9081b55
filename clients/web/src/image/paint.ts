/** From codes to colours: pure, so that it runs in the worker, on the main thread and in tests alike. */
import { COLORMAPS, lut, LUT_SIZE, type ColormapName } from "./colormaps";
import { autoLevels, widened, type Levels } from "./levels";
import { mosaic } from "./mosaic";
import { dequantise, type PixelLayer, type Pixels } from "./pixels";

export type Look = "phase" | "amplitude" | "complex";

export interface Style {
  look: Look;
  colormap: ColormapName;
  /** Levels that a person locked; null for automatic ones, for each mode its own. */
  locked: Levels | null;
}

export interface Painting {
  width: number;
  height: number;
  /** RGBA; wholly transparent where not covered, so that the ground behind shows. */
  rgba: Uint8ClampedArray<ArrayBuffer>;
  /** Levels of the first mode: what the colour bar spans. */
  levels: Levels;
  look: Look;
  colormap: ColormapName;
}

const TURN: Levels = { low: -Math.PI, high: Math.PI };

/** All modes as a mosaic; null where the picture lacks the layers that the look needs. */
export function paint(pixels: Pixels, style: Style): Painting | null {
  const phase = pixels.layers.find((l) => l.quantity === "phase");
  const amplitude = pixels.layers.find((l) => l.quantity === "amplitude");
  const { columns, lines } = mosaic(pixels.modes);
  const [width, height] = [columns * pixels.cols, lines * pixels.rows];
  const words = new Uint32Array(width * height);
  const tile = pixels.rows * pixels.cols;
  let first: Levels | null = null;
  for (let mode = 0; mode < pixels.modes; mode++) {
    const [from, to] = [mode * tile, (mode + 1) * tile];
    const colours = new Uint32Array(tile);
    let levels: Levels;
    if (style.look === "complex") {
      if (phase === undefined || amplitude === undefined) return null;
      levels = chooseLevels(amplitude, { ...style, colormap: "greys" }, from, to);
      paintComplex(colours, phase, amplitude, levels, from);
    } else {
      const layer = style.look === "phase" ? phase : amplitude;
      if (layer === undefined) return null;
      levels = chooseLevels(layer, style, from, to);
      paintLayer(colours, layer, levels, style.colormap, from);
    }
    first ??= levels;
    place(words, colours, pixels, width, mode % columns, Math.floor(mode / columns));
  }
  const rgba = new Uint8ClampedArray(words.buffer);
  return { width, height, rgba, levels: first ?? TURN, look: style.look, colormap: style.colormap };
}

/** Levels for one mode. Colours that go in a circle span a whole turn, or equal hues would mean unequal phases. */
function chooseLevels(layer: PixelLayer, style: Style, from: number, to: number): Levels {
  if (layer.quantity === "phase" && COLORMAPS[style.colormap].cyclic) return TURN;
  if (style.locked !== null) return widened(style.locked);
  const levels = autoLevels(layer, from, to) ?? { low: 0, high: 1 };
  return style.look === "complex" ? { low: 0, high: levels.high } : levels;
}

/** A colour for every code, then one look-up a pixel. */
function paintLayer(colours: Uint32Array, layer: PixelLayer, levels: Levels, name: ColormapName, from: number): void {
  const table = lut(name);
  const byCode = new Uint32Array(layer.top + 1);
  for (let code = 1; code <= layer.top; code++) {
    const at = 3 * lutIndex((dequantise(code, layer) - levels.low) / (levels.high - levels.low));
    byCode[code] = packed(table[at] ?? 0, table[at + 1] ?? 0, table[at + 2] ?? 0);
  }
  for (let i = 0; i < colours.length; i++) colours[i] = byCode[layer.codes[from + i] ?? 0] ?? 0;
}

/** Domain colouring: hue is the phase, brightness the amplitude. */
function paintComplex(
  colours: Uint32Array,
  phase: PixelLayer,
  amplitude: PixelLayer,
  levels: Levels,
  from: number,
): void {
  const table = lut("wheel");
  const hue = new Uint16Array(phase.top + 1);
  for (let code = 1; code <= phase.top; code++) {
    const turns = (dequantise(code, phase) + Math.PI) / (2 * Math.PI);
    hue[code] = 3 * (Math.floor(LUT_SIZE * (turns - Math.floor(turns))) % LUT_SIZE);
  }
  const gain = new Float32Array(amplitude.top + 1);
  for (let code = 1; code <= amplitude.top; code++) {
    const part = (dequantise(code, amplitude) - levels.low) / (levels.high - levels.low);
    gain[code] = Math.min(1, Math.max(0, part));
  }
  for (let i = 0; i < colours.length; i++) {
    const size = amplitude.codes[from + i] ?? 0;
    if (size === 0) continue;
    const at = hue[phase.codes[from + i] ?? 0] ?? 0;
    const bright = gain[size] ?? 0;
    colours[i] = packed(scaled(table[at], bright), scaled(table[at + 1], bright), scaled(table[at + 2], bright));
  }
}

function place(words: Uint32Array, colours: Uint32Array, tile: Pixels, width: number, column: number, line: number) {
  for (let row = 0; row < tile.rows; row++) {
    const source = colours.subarray(row * tile.cols, (row + 1) * tile.cols);
    words.set(source, (line * tile.rows + row) * width + column * tile.cols);
  }
}

function lutIndex(part: number): number {
  return Math.min(LUT_SIZE - 1, Math.max(0, Math.floor(part * LUT_SIZE)));
}

function scaled(channel: number | undefined, gain: number): number {
  return Math.min(255, (channel ?? 0) * gain) & 255;
}

/** Opaque red, green, blue as canvas memory holds it on the little-endian machines that browsers run on. */
function packed(red: number, green: number, blue: number): number {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
