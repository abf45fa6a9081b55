import { describe, expect, it } from "vitest";

import { scannedArea } from "../src/lib/area";
import { scaleBar } from "../src/lib/scalebar";
import type { ScanPoints } from "../src/state/looking";
import { fitView, pan, pixelAt, visibleCrop, zoomAt } from "../src/lib/viewport";

describe("scale bar", () => {
  it("is the longest round length that fits", () => {
    expect(scaleBar(2e-8, 160)).toEqual({ px: 100, label: "2 µm" });
    expect(scaleBar(1e-8, 60)).toEqual({ px: 50, label: "500 nm" });
  });

  it("never exceeds its room, at any scale", () => {
    for (let exponent = -12; exponent < -2; exponent += 0.37) {
      const bar = scaleBar(10 ** exponent, 160);
      expect(bar?.px).toBeLessThanOrEqual(160.001);
      expect(bar?.px).toBeGreaterThan(160 / 2.6);
    }
  });

  it("is left out where the pixel has no size", () => expect(scaleBar(0, 160)).toBeNull());
});

describe("viewport", () => {
  const screen = { width: 800, height: 600 };
  const fitted = fitView({ row: 0, col: 0, width: 400, height: 400 }, screen);

  it("fits the picture in its middle", () => {
    expect(pixelAt(fitted, 400, 300)).toEqual([200, 200]);
    expect(fitted.scale * 400).toBeLessThan(600);
  });

  it("fits a part of it", () => {
    const part = fitView({ row: 100, col: 50, width: 100, height: 60 }, screen);
    const [row, col] = pixelAt(part, 400, 300);
    expect([row, col]).toEqual([130, 100]);
    expect(part.scale).toBeCloseTo(0.97 * 8);
  });

  it("zooms about the point under the pointer", () => {
    const before = pixelAt(fitted, 123, 456);
    const after = pixelAt(zoomAt(fitted, 3, 123, 456, fitted), 123, 456);
    expect(after[0]).toBeCloseTo(before[0]);
    expect(after[1]).toBeCloseTo(before[1]);
  });

  it("neither loses the picture nor its pixels by zooming", () => {
    expect(zoomAt(fitted, 1e-9, 0, 0, fitted).scale).toBeCloseTo(fitted.scale / 2);
    expect(zoomAt(fitted, 1e9, 0, 0, fitted).scale).toBe(64);
  });

  it("pans by screen pixels", () => {
    const [row, col] = pixelAt(pan(fitted, 10, 20), 10, 20);
    expect([row, col]).toEqual(pixelAt(fitted, 0, 0));
  });
});

function scanned(rows: number[], cols: number[]): ScanPoints {
  const columns = { row_m: Float32Array.from(rows), col_m: Float32Array.from(cols) };
  return { reconstruction: "s1.1", number: 1, count: rows.length, columns };
}

describe("what is worth the screen", () => {
  const lattice = { full_shape: [200, 300] as const, origin_m: [-1e-6, 0] as const, pixel_m: 1e-8 };

  it("lies halfway between the positions and the rim", () => {
    const area = scannedArea(scanned([-0.4e-6, 0.6e-6, Number.NaN], [1e-6, 2e-6, Number.NaN]), lattice);
    expect(area.row).toBeCloseTo(30);
    expect(area.height).toBeCloseTo(150);
    expect(area.col).toBeCloseTo(50);
    expect(area.width).toBeCloseTo(200);
  });

  it("is everything where no position is known, and never more", () => {
    const everything = { row: 0, col: 0, height: 200, width: 300 };
    expect(scannedArea(null, lattice)).toEqual(everything);
    expect(scannedArea(scanned([Number.NaN], [Number.NaN]), lattice)).toEqual(everything);
    expect(scannedArea(scanned([-1, 1], [-1, 1]), lattice)).toEqual(everything);
  });
});

describe("crop", () => {
  const screen = { width: 500, height: 500 };

  it("is what is seen and a quarter more on each side", () => {
    expect(visibleCrop({ scale: 1, x: -1000, y: -800 }, screen, [4000, 4000])).toEqual([675, 875, 750, 750]);
  });

  it("stays on the object", () => {
    expect(visibleCrop({ scale: 1, x: 0, y: 0 }, screen, [4000, 4000])).toEqual([0, 0, 625, 625]);
    expect(visibleCrop({ scale: 1, x: 9000, y: 0 }, screen, [4000, 4000])).toBeNull();
  });

  it("is not worth it for most of the object", () => {
    expect(visibleCrop({ scale: 0.12, x: 0, y: 0 }, screen, [4000, 4000])).toBeNull();
  });
});
