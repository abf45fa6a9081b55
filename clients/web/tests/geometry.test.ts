import { describe, expect, it } from "vitest";

import { scaleBar } from "../src/lib/scalebar";
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
  const fitted = fitView({ width: 400, height: 400 }, screen);

  it("fits the picture in its middle", () => {
    expect(pixelAt(fitted, 400, 300)).toEqual([200, 200]);
    expect(fitted.scale * 400).toBeLessThan(600);
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
