import { describe, expect, it } from "vitest";

import { formatTick, logRange, logTicks } from "../src/lib/ticks";
import { newest } from "../src/state/table";
import { trend } from "../src/lib/trend";

describe("logarithmic axis", () => {
  it("holds its data with room, and a flat curve with a factor of two", () => {
    const [low, high] = logRange(0.01, 1);
    expect(low).toBeLessThan(0.01);
    expect(high).toBeGreaterThan(1);
    const [flatLow, flatHigh] = logRange(0.1, 0.1);
    expect(flatHigh / flatLow).toBeCloseTo(2);
    expect(Math.sqrt(flatLow * flatHigh)).toBeCloseTo(0.1);
  });

  it("has a range where there are no data", () => {
    expect(logRange(null, null)).toEqual([0.01, 1]);
    expect(logRange(0, 1)).toEqual([0.01, 1]);
  });

  it("has round ticks wherever the range begins", () => {
    expect(logTicks(0.0637, 1.13)).toEqual([0.1, 0.2, 0.5, 1]);
    expect(logTicks(3.1e-7, 0.9)).toEqual([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]);
    expect(logTicks(0.43, 1.1)).toEqual([0.5, 0.6, 0.8, 1]);
    expect(logTicks(0, 1)).toEqual([]);
  });

  it("has no more ticks than there is room for", () => {
    expect(logTicks(0.0037, 0.6)).toEqual([0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]);
    expect(logTicks(0.0037, 0.6, 4)).toEqual([0.01, 0.1]);
    expect(logTicks(3.1e-7, 0.9, 3)).toEqual([1e-6, 1e-4, 1e-2]);
  });

  it("names its ticks shortly", () => expect([0.05, 1, 1e-6].map(formatTick)).toEqual(["0.05", "1", "1e-6"]));
});

const FRAMES = new Float64Array(50).fill(25);

function curve(factor: number): Float64Array {
  return Float64Array.from({ length: 50 }, (_, i) => factor ** i);
}

describe("trend", () => {
  it("tells falling, flat and rising", () => {
    expect(trend(curve(0.9), FRAMES)?.word).toBe("falling");
    expect(trend(curve(0.9), FRAMES)?.slope).toBeCloseTo(Math.log(0.9));
    expect(trend(curve(1), FRAMES)?.word).toBe("flat");
    expect(trend(curve(1.05), FRAMES)?.word).toBe("rising");
  });

  it("looks at the last rows only, past those without a value", () => {
    const values = Float64Array.from([...curve(0.9), ...Array.from({ length: 20 }, (_, i) => 1.1 ** i)]);
    values[60] = Number.NaN;
    expect(trend(values, new Float64Array(70).fill(25))?.word).toBe("rising");
  });

  it("tells the trend of an engine that knows its error at every tenth iteration only", () => {
    const values = new Float64Array(100).fill(Number.NaN);
    for (let row = 0; row < 100; row += 10) values[row] = 0.9 ** row;
    const found = trend(values, new Float64Array(100).fill(25));
    expect(found?.slope).toBeCloseTo(Math.log(0.9));
    expect(newest(values)).toBeCloseTo(0.9 ** 90);
    expect(newest(values.subarray(1, 3))).toBeNull();
  });

  it("is not misled by a chunk that lifts the error", () => {
    const [values, frames] = [curve(0.9), FRAMES.slice()];
    for (let i = 42; i < 50; i++) [values[i], frames[i]] = [2 * 0.9 ** i, 50];
    expect(trend(values, frames)?.word).toBe("falling");
    frames[48] = frames[49] = 75;
    expect(trend(values, frames)).toBeNull();
  });

  it("says nothing of two points", () => expect(trend(Float64Array.of(1, 0.5), FRAMES.subarray(0, 2))).toBeNull());
});
