/** From codes to colours: pure, so that it runs in the worker, on the main thread and in tests alike. */
import { COLORMAPS, lut, LUT_SIZE, type ColormapName } from "./colormaps";
import { autoLevels, symmetric, widened, type Levels } from "./levels";
import { mosaic } from "./mosaic";
import { layerOf, type PixelLayer, type Pixels } from "./pixels";

export type FieldLook = "phase" | "amplitude" | "complex";
export type Look = FieldLook | "counts";

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
  /** Pixels that are marked as saturated. */
  marked: number;
}

const TURN: Levels = { low: -Math.PI, high: Math.PI };
/** Saturated pixels: a colour that the maps of counts do not have. */
const MARK = packed(255, 0, 200);

/**
 * All modes as a mosaic; null where the picture lacks the layers that the look needs. `room` gives memory for so many
 * pixels, all zero.
 */
export function paint(
  pixels: Pixels,
  style: Style,
  room: (length: number) => Uint32Array<ArrayBuffer> = (length) => new Uint32Array(length),
): Painting | null {
  const { columns, lines } = mosaic(pixels.modes);
  const [width, height] = [columns * pixels.cols, lines * pixels.rows];
  const words = room(width * height);
  const tile = pixels.rows * pixels.cols;
  let first: Levels | null = null;
  for (let mode = 0; mode < pixels.modes; mode++) {
    // A single mode is painted where it is to lie.
    const colours = pixels.modes === 1 ? words : new Uint32Array(tile);
    const levels = paintMode(colours, pixels, style, mode * tile, (mode + 1) * tile);
    if (levels === null) return null;
    first ??= levels;
    if (colours !== words) place(words, colours, pixels, width, mode % columns, Math.floor(mode / columns));
  }
  const marked = markSaturated(words, pixels);
  const rgba = new Uint8ClampedArray(words.buffer);
  return { width, height, rgba, levels: first ?? TURN, look: style.look, colormap: style.colormap, marked };
}

function paintMode(colours: Uint32Array, pixels: Pixels, style: Style, from: number, to: number): Levels | null {
  if (style.look !== "complex") {
    const layer = layerOf(pixels, style.look);
    if (layer === undefined) return null;
    const levels = chooseLevels(layer, style, from, to);
    paintLayer(colours, layer, levels, style.colormap, from);
    return levels;
  }
  const [phase, amplitude] = [layerOf(pixels, "phase"), layerOf(pixels, "amplitude")];
  if (phase === undefined || amplitude === undefined) return null;
  const levels = chooseLevels(amplitude, { ...style, colormap: "greys" }, from, to);
  paintComplex(colours, phase, amplitude, levels, from);
  return levels;
}

/** Levels for one mode. Colours that go in a circle span a whole turn, or equal hues would mean unequal phases. */
function chooseLevels(layer: PixelLayer, style: Style, from: number, to: number): Levels {
  if (layer.quantity === "phase" && COLORMAPS[style.colormap].cyclic) return TURN;
  if (style.locked !== null) return widened(style.locked);
  if (layer.quantity === "counts") return { low: 0, high: layer.high }; // a logarithm needs no percentiles
  const levels = autoLevels(layer, from, to) ?? { low: 0, high: 1 };
  if (COLORMAPS[style.colormap].diverging && levels.low < 0) return symmetric(levels);
  return style.look === "complex" ? { low: 0, high: levels.high } : levels;
}

function paintLayer(colours: Uint32Array, layer: PixelLayer, levels: Levels, name: ColormapName, from: number): void {
  const table = codeColours(layer, levels, name);
  const { codes } = layer;
  for (let i = 0; i < colours.length; i++) colours[i] = table[codes[from + i] as number] as number;
}

/** The colour of each code, that of "not covered" being none: there are fewer codes than pixels. */
function codeColours(layer: PixelLayer, levels: Levels, name: ColormapName): Uint32Array {
  const table = packedLut(name);
  const { slope, offset } = codeToPart(layer, levels);
  const colours = new Uint32Array(layer.top + 1);
  for (let code = 1; code <= layer.top; code++) {
    const index = Math.floor(LUT_SIZE * (code * slope + offset));
    colours[code] = table[index < 0 ? 0 : index >= LUT_SIZE ? LUT_SIZE - 1 : index] as number;
  }
  return colours;
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
  const turn = codeToPart(phase, TURN);
  const size = codeToPart(amplitude, levels);
  for (let i = 0; i < colours.length; i++) {
    const code = amplitude.codes[from + i] ?? 0;
    if (code === 0) continue;
    const turns = (phase.codes[from + i] ?? 0) * turn.slope + turn.offset;
    const at = 3 * (Math.floor(LUT_SIZE * (turns - Math.floor(turns))) % LUT_SIZE);
    const gain = Math.min(1, Math.max(0, code * size.slope + size.offset));
    colours[i] = packed((table[at] ?? 0) * gain, (table[at + 1] ?? 0) * gain, (table[at + 2] ?? 0) * gain);
  }
}

/** Saturated pixels in a colour of their own; returns how many. */
function markSaturated(words: Uint32Array, pixels: Pixels): number {
  const codes = layerOf(pixels, "saturated")?.codes;
  if (codes === undefined) return 0;
  let marked = 0;
  for (let i = 0; i < words.length; i++) {
    if ((codes[i] ?? 0) <= 1) continue;
    words[i] = MARK;
    marked++;
  }
  return marked;
}

/** part = code * slope + offset is 0 at the lowest level and 1 at the highest. */
function codeToPart(layer: PixelLayer, levels: Levels): { slope: number; offset: number } {
  const span = levels.high - levels.low;
  const slope = (layer.high - layer.low) / (layer.top - 1) / span;
  return { slope, offset: (layer.low - levels.low) / span - slope };
}

function packedLut(name: ColormapName): Uint32Array {
  const table = lut(name);
  return Uint32Array.from({ length: LUT_SIZE }, (_, i) =>
    packed(table[3 * i] ?? 0, table[3 * i + 1] ?? 0, table[3 * i + 2] ?? 0),
  );
}

function place(words: Uint32Array, colours: Uint32Array, tile: Pixels, width: number, column: number, line: number) {
  for (let row = 0; row < tile.rows; row++) {
    const source = colours.subarray(row * tile.cols, (row + 1) * tile.cols);
    words.set(source, (line * tile.rows + row) * width + column * tile.cols);
  }
}

/** Opaque red, green, blue as canvas memory holds it on the little-endian machines that browsers run on. */
function packed(red: number, green: number, blue: number): number {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
