/** Colour look-up tables: perceptually even ones for size, cyclic ones for phase. */
import {
  interpolateCividis,
  interpolateGreys,
  interpolateInferno,
  interpolateMagma,
  interpolateRdBu,
  interpolateSinebow,
  interpolateViridis,
} from "d3-scale-chromatic";

export const LUT_SIZE = 256;

interface Colormap {
  label: string;
  /** Its ends meet, so it always spans a whole turn. */
  cyclic: boolean;
  /** Its middle is neutral, and belongs to zero where there are values on both sides. */
  diverging?: boolean;
  /** Red, green and blue in [0, 255] at t in [0, 1]. */
  at: (t: number) => Rgb;
}

export type Rgb = [number, number, number];

const MAPS = {
  viridis: { label: "viridis", cyclic: false, at: parsed(interpolateViridis) },
  magma: { label: "magma", cyclic: false, at: parsed(interpolateMagma) },
  inferno: { label: "inferno", cyclic: false, at: parsed(interpolateInferno) },
  cividis: { label: "cividis", cyclic: false, at: parsed(interpolateCividis) },
  greys: { label: "grey", cyclic: false, at: parsed((t) => interpolateGreys(1 - t)) },
  redblue: { label: "blue–red", cyclic: false, diverging: true, at: parsed((t) => interpolateRdBu(1 - t)) },
  wheel: { label: "phase wheel", cyclic: true, at: evenHue },
  sinebow: { label: "sinebow", cyclic: true, at: parsed(interpolateSinebow) },
} satisfies Record<string, Colormap>;

export type ColormapName = keyof typeof MAPS;

export const COLORMAPS: Record<ColormapName, Colormap> = MAPS;
export const COLORMAP_NAMES = Object.keys(MAPS) as ColormapName[];

const built = new Map<ColormapName, Uint8Array>();

/** The table of a colormap: LUT_SIZE times red, green, blue. */
export function lut(name: ColormapName): Uint8Array {
  const known = built.get(name);
  if (known !== undefined) return known;
  const table = new Uint8Array(3 * LUT_SIZE);
  // A cyclic map's last entry must not repeat its first.
  const last = COLORMAPS[name].cyclic ? LUT_SIZE : LUT_SIZE - 1;
  for (let i = 0; i < LUT_SIZE; i++) table.set(COLORMAPS[name].at(i / last), 3 * i);
  built.set(name, table);
  return table;
}

/** The colormap as a CSS gradient, from its low end to its high end. */
export function gradient(name: ColormapName, direction: string): string {
  const stops = Array.from({ length: 17 }, (_, i) => `rgb(${COLORMAPS[name].at(i / 16).join(" ")})`);
  return `linear-gradient(${direction}, ${stops.join(", ")})`;
}

/** d3's maps give "#rrggbb" or "rgb(r, g, b)". */
function parsed(interpolate: (t: number) => string): (t: number) => Rgb {
  return (t) => {
    const text = interpolate(t);
    if (text.startsWith("#")) {
      const value = Number.parseInt(text.slice(1), 16);
      return [value >> 16, (value >> 8) & 255, value & 255];
    }
    const [red = 0, green = 0, blue = 0] = (text.match(/[\d.]+/g) ?? []).map(Number);
    return [Math.round(red), Math.round(green), Math.round(blue)];
  };
}

/** A turn of hue at even lightness and chroma (OKLCH), so that no phase looks brighter than another. */
function evenHue(t: number): Rgb {
  const [lightness, chroma, angle] = [0.74, 0.125, 2 * Math.PI * t];
  const [a, b] = [chroma * Math.cos(angle), chroma * Math.sin(angle)];
  const long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    toSrgb(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
    toSrgb(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
    toSrgb(-0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short),
  ];
}

function toSrgb(linear: number): number {
  const clipped = Math.min(1, Math.max(0, linear));
  const encoded = clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055;
  return Math.round(255 * encoded);
}
