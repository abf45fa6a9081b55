import { describe, expect, it } from "vitest";

import { difference } from "../src/image/difference";
import { profile, region, values } from "../src/image/measure";
import { paint, type Style } from "../src/image/paint";
import { dequantise, toPixels, type Pixels } from "../src/image/pixels";
import { profilePath } from "../src/lib/profile";
import { countsOf } from "../src/lib/quantity";
import { image, layer } from "./make";

/** Codes for values between low and high, 0 where not covered. */
function coded(given: (number | null)[], low: number, high: number): number[] {
  return given.map((p) => (p === null ? 0 : 1 + Math.round(((p - low) / (high - low)) * 65_534)));
}

function phases(rows: number, cols: number, given: (number | null)[], fields = {}): Pixels {
  return toPixels(image([1, rows, cols], [layer("phase", coded(given, -Math.PI, Math.PI), -Math.PI, Math.PI)], fields));
}

describe("values of a picture", () => {
  it("are found by full pixels, wherever and however finely it was sent", () => {
    const crop = phases(2, 2, [0.1, 0.2, 0.3, null], { origin: [10, 20], step: 4 });
    expect(values(crop, 0, [10, 20]).phase).toBeCloseTo(0.1, 3);
    expect(values(crop, 0, [13, 27]).phase).toBeCloseTo(0.2, 3);
    expect(values(crop, 0, [17, 27]).phase).toBeNull();
    expect(values(crop, 0, [9, 20]).phase).toBeNull();
  });

  it("tell 0.01 rad apart over a whole turn", () => {
    const weak = phases(1, 2, [0.5, 0.51]);
    const [a, b] = [0, 1].map((col) => values(weak, 0, [0, col]).phase ?? Number.NaN);
    expect((b ?? 0) - (a ?? 0)).toBeCloseTo(0.01, 3);
  });

  it("run along a line from end to end, with gaps where nothing was covered", () => {
    const line = profile(phases(1, 4, [0, 0.1, null, 0.3]), "phase", [0.5, 0.5], [0.5, 3.5]);
    expect(line.distances).toEqual([0, 1, 2, 3]);
    expect(line.values.map((value) => value.toFixed(3))).toEqual(["0.000", "0.100", "NaN", "0.300"]);
    const drawn = profilePath(line, 30, 14);
    expect(drawn?.path.match(/M/g)).toHaveLength(2);
    expect(drawn?.high).toBeCloseTo(0.3, 3);
    expect(profilePath({ distances: [0, 1], values: [Number.NaN, Number.NaN] }, 30, 14)).toBeNull();
  });

  it("of a box are those of its covered pixels, whichever way it was drawn", () => {
    const pixels = phases(2, 3, [1, 2, null, 3, 2, 1]);
    const found = region(pixels, "phase", [1.9, 2.9], [0, 1]);
    expect(found).toMatchObject({ pixels: 4, covered: 3 });
    expect(found?.mean).toBeCloseTo(5 / 3, 3);
    expect(found?.deviation).toBeCloseTo(Math.sqrt(2 / 9), 3);
    expect([found?.low, found?.high].map((v) => v?.toFixed(2))).toEqual(["1.00", "2.00"]);
    expect(region(pixels, "phase", [5, 5], [9, 9])).toBeNull();
  });
});

describe("the difference of two pictures", () => {
  it("goes the short way round and has no mean", () => {
    const made = difference(phases(1, 3, [3.0, 0, 0]), phases(1, 3, [-3.0, 0.2, 0.2 + 0.2]), "phase");
    if (typeof made === "string") throw new Error(made);
    const [first, ...rest] = made.layers;
    const found = Array.from(first?.codes ?? [], (code) => dequantise(code, first ?? { low: 0, high: 1, top: 2 }));
    const raw = [2 * Math.PI - 6, 0.2, 0.4];
    const mean = raw.reduce((a, b) => a + b) / 3;
    found.forEach((value, i) => expect(value).toBeCloseTo((raw[i] ?? 0) - mean, 2));
    expect(rest).toEqual([]);
  });

  it("is nothing where one of them is not covered", () => {
    const made = difference(phases(1, 2, [1, null]), phases(1, 2, [1, 1]), "phase");
    expect(typeof made === "string" ? [] : [...(made.layers[0]?.codes ?? [])].map((code) => code === 0)).toEqual([false, true]);
  });

  it("says why there is none", () => {
    expect(difference(phases(1, 2, [1, 1]), phases(2, 1, [1, 1]), "phase")).toBe("Different pixels: 2 × 1 and 1 × 2");
    expect(difference(phases(1, 1, [1]), phases(1, 1, [1]), "amplitude")).toBe("There is no amplitude of both");
  });
});

describe("painting", () => {
  const style: Style = { look: "counts", colormap: "greys", locked: null };

  it("shows counts from none to the brightest, and marks saturated pixels", () => {
    const counts = layer("counts", [1, 65_535, 65_535, 0], 0, 3);
    const saturated = { ...layer("saturated", [], 0, 1), bits: 8 as const, data: Uint8Array.from([1, 1, 255, 1]) };
    const painted = paint(toPixels(image([1, 1, 4], [counts, saturated])), style);
    const pixel = (i: number) => [...(painted?.rgba.subarray(4 * i, 4 * i + 4) ?? [])];
    expect(painted).toMatchObject({ levels: { low: 0, high: 3 }, marked: 1 });
    expect([pixel(0), pixel(1), pixel(2), pixel(3)]).toEqual([
      [0, 0, 0, 255],
      [255, 255, 255, 255],
      [255, 0, 200, 255],
      [0, 0, 0, 0],
    ]);
    expect(countsOf(3)).toBeCloseTo(999);
  });

  it("takes automatic levels from the whole object, not from the crop that is painted", () => {
    const histogram = { low: -1, high: 1, auto_low: -0.5, auto_high: 0.5, counts: [1] };
    const crop = { ...layer("phase", [1, 2, 3], 0.1, 0.2), histogram };
    const painted = paint(toPixels(image([1, 1, 3], [crop])), { look: "phase", colormap: "viridis", locked: null });
    expect(painted?.levels).toEqual({ low: -0.5, high: 0.5 });
  });

  it("shows a contrast of 0.01 rad as clearly different colours", () => {
    const histogram = { low: -0.01, high: 0.02, auto_low: 0, auto_high: 0.01, counts: [1] };
    const weak = { ...layer("phase", coded([0, 0.01, 3, -3], -Math.PI, Math.PI), -Math.PI, Math.PI), histogram };
    const painted = paint(toPixels(image([1, 1, 4], [weak])), { look: "phase", colormap: "greys", locked: null });
    expect((painted?.rgba[4] ?? 0) - (painted?.rgba[0] ?? 0)).toBeGreaterThan(200);
  });

  it("gives zero the neutral colour where colours go apart from it", () => {
    const layerOf = layer("phase", [1, 32_768, 65_535], -0.5, 0.5);
    const painted = paint(toPixels(image([1, 1, 3], [layerOf])), { look: "phase", colormap: "redblue", locked: null });
    expect(painted?.levels.low).toBeCloseTo(-(painted?.levels.high ?? 0));
  });
});
