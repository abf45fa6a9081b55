import { describe, expect, it } from "vitest";

import { COLORMAP_NAMES, COLORMAPS, lut, LUT_SIZE } from "../src/image/colormaps";
import { autoLevels, widened } from "../src/image/levels";
import { mosaic } from "../src/image/mosaic";
import { paint, type Style } from "../src/image/paint";
import { dequantise, toPixels, valueAt, type PixelLayer } from "../src/image/pixels";
import { image, layer } from "./make";

const GREY: Style = { look: "phase", colormap: "greys", locked: { low: 0, high: 1 } };

function pixelLayer(codes: number[], low: number, high: number): PixelLayer {
  return { quantity: "phase", low, high, top: 65_535, codes: Uint16Array.from(codes), histogram: null };
}

function colours(rgba: Uint8ClampedArray): number[][] {
  return Array.from({ length: rgba.length / 4 }, (_, i) => [...rgba.subarray(4 * i, 4 * i + 4)]);
}

describe("quantised pixels", () => {
  it("come back over the whole window, and code 0 as nothing", () => {
    const window = { low: -1, high: 3, top: 255 };
    expect(dequantise(1, window)).toBe(-1);
    expect(dequantise(255, window)).toBe(3);
    expect(dequantise(128, window)).toBeCloseTo(1);
    expect(dequantise(0, window)).toBeNaN();
  });

  it("are read from any byte of a message", () => {
    const pixels = toPixels(image([1, 1, 3], [layer("phase", [0, 1, 65_535], -2, 2)]));
    expect(valueAt(pixels, "phase", 0, 0, 0)).toBeNull();
    expect(valueAt(pixels, "phase", 0, 0, 1)).toBe(-2);
    expect(valueAt(pixels, "phase", 0, 0, 2)).toBe(2);
    expect(valueAt(pixels, "phase", 0, 0, 3)).toBeNull();
    expect(valueAt(pixels, "amplitude", 0, 0, 1)).toBeNull();
  });

  it("lie where those of the picture before lay, and nothing of that is left", () => {
    const before = toPixels(image([1, 1, 3], [layer("phase", [7, 8, 9], 0, 1)]));
    const pixels = toPixels(image([1, 1, 3], [layer("phase", [0, 1, 65_535], -2, 2)]), before);
    expect([...(pixels.layers[0]?.codes ?? [])]).toEqual([0, 1, 65_535]);
    expect(pixels.layers[0]?.codes.buffer).toBe(before.layers[0]?.codes.buffer);
    const larger = toPixels(image([1, 2, 2], [layer("phase", [1, 2, 3, 4], 0, 1)]), pixels);
    expect([...(larger.layers[0]?.codes ?? [])]).toEqual([1, 2, 3, 4]);
  });

  it("are refused where their number is wrong", () => {
    expect(() => toPixels(image([1, 2, 2], [layer("phase", [1, 2], 0, 1)]))).toThrow("expected 8 bytes of phase, 4");
  });
});

describe("levels", () => {
  it("span the 1st to the 99th percentile of what is covered", () => {
    const codes = Array.from({ length: 1001 }, (_, i) => 1 + Math.round((65_534 * i) / 1000));
    const levels = autoLevels(pixelLayer([...codes, ...Array.from({ length: 5000 }, () => 0)], 0, 1));
    expect(levels?.low).toBeCloseTo(0.01, 3);
    expect(levels?.high).toBeCloseTo(0.99, 3);
  });

  it("are those of the mode asked for", () => {
    const both = pixelLayer([1, 1, 1, 65_535, 65_535, 65_535], 0, 1);
    expect(autoLevels(both, 3, 6)?.low).toBeCloseTo(1);
  });

  it("have some width for a flat picture, and are none where nothing is covered", () => {
    const flat = autoLevels(pixelLayer([500, 500], 0, 1));
    expect((flat?.high ?? 0) - (flat?.low ?? 0)).toBeGreaterThan(0);
    expect(autoLevels(pixelLayer([0, 0], 0, 1))).toBeNull();
    expect(widened({ low: 2, high: 1 }).high).toBeGreaterThan(widened({ low: 2, high: 1 }).low);
  });
});

describe("colormaps", () => {
  it.each(COLORMAP_NAMES)("%s fills its table with colours that change little by little", (name) => {
    const table = lut(name);
    expect(table).toHaveLength(3 * LUT_SIZE);
    for (let i = 3; i < table.length; i++) {
      expect(Math.abs((table[i] ?? 0) - (table[i - 3] ?? 0)), `entry ${i}`).toBeLessThan(16);
    }
  });

  it.each(COLORMAP_NAMES.filter((name) => COLORMAPS[name].cyclic))("%s closes its circle", (name) => {
    const ends = [0, 1].map((t) => COLORMAPS[name].at(t));
    expect(ends[0]).toEqual(ends[1]);
  });

  it("wheel has the same lightness all round", () => {
    const lightness = Array.from({ length: 64 }, (_, i) => {
      const [r, g, b] = COLORMAPS.wheel.at(i / 64).map((c) => (c / 255) ** 2.2);
      return 116 * Math.cbrt(0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0)) - 16;
    });
    expect(Math.max(...lightness) - Math.min(...lightness)).toBeLessThan(10);
  });
});

describe("painting", () => {
  it("colours values within the levels and leaves the uncovered transparent", () => {
    const pixels = toPixels(image([1, 1, 3], [layer("phase", [0, 1, 65_535], 0, 1)]));
    const [nothing, low, high] = colours(paint(pixels, GREY)?.rgba ?? new Uint8ClampedArray());
    expect(nothing).toEqual([0, 0, 0, 0]);
    expect(low).toEqual([0, 0, 0, 255]);
    expect(high).toEqual([255, 255, 255, 255]);
  });

  it("lays modes side by side, as square as can be", () => {
    expect([1, 2, 3, 4, 5, 9].map((modes) => mosaic(modes).columns)).toEqual([1, 2, 2, 2, 3, 3]);
    const pixels = toPixels(image([3, 1, 1], [layer("phase", [1, 65_535, 1], 0, 1)]));
    const painting = paint(pixels, GREY);
    expect([painting?.width, painting?.height]).toEqual([2, 2]);
    expect(colours(painting?.rgba ?? new Uint8ClampedArray()).map(([red]) => red)).toEqual([0, 255, 0, 0]);
  });

  it("spans a whole turn with colours that go in a circle, whatever was locked", () => {
    const pixels = toPixels(image([1, 1, 1], [layer("phase", [1], 0, 1)]));
    expect(paint(pixels, { ...GREY, colormap: "wheel" })?.levels).toEqual({ low: -Math.PI, high: Math.PI });
  });

  it("shows phase as hue and amplitude as brightness", () => {
    const phase = layer("phase", [1, 65_535, 1, 1], -Math.PI, Math.PI);
    const amplitude = layer("amplitude", [65_535, 65_535, 1, 0], 0, 1);
    const style: Style = { look: "complex", colormap: "wheel", locked: { low: 0, high: 1 } };
    const painting = paint(toPixels(image([1, 1, 4], [phase, amplitude])), style);
    const [minusPi, plusPi, dark, nothing] = colours(painting?.rgba ?? new Uint8ClampedArray());
    expect(plusPi).toEqual(minusPi);
    expect(dark).toEqual([0, 0, 0, 255]);
    expect(nothing).toEqual([0, 0, 0, 0]);
  });

  it("waits for the layers that the look needs", () => {
    const pixels = toPixels(image([1, 1, 1], [layer("phase", [1], 0, 1)]));
    expect(paint(pixels, { ...GREY, look: "amplitude" })).toBeNull();
    expect(paint(pixels, { ...GREY, look: "complex" })).toBeNull();
  });
});
