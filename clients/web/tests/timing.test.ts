import { describe, expect, it } from "vitest";

import { dataAge, finishEta, isStale, scanEta, staleAfter } from "../src/lib/timing";
import { reconstruction, scan, SECOND, T0 } from "./make";

describe("time left", () => {
  it("is the frames that are missing over the detector's rate", () => {
    expect(scanEta(scan({ received: 115, frame_rate_hz: 20 }))).toBe(10);
  });

  it("uses the mean rate while nothing comes", () => {
    expect(scanEta(scan({ received: 105, newest_ns: T0 + 105 * SECOND }))).toBeCloseTo(210);
  });

  it("is not told without a plan, before the first frame, or after the end", () => {
    expect(scanEta(scan({ planned: null, frame_rate_hz: 20 }))).toBeNull();
    expect(scanEta(scan())).toBeNull();
    expect(scanEta(scan({ state: "ended", frame_rate_hz: 20 }))).toBeNull();
  });

  it("counts the final iterations once their number is known", () => {
    expect(finishEta(reconstruction({ iteration: 40, total_iterations: 100, iteration_rate_hz: 6 }))).toBe(10);
    expect(finishEta(reconstruction({ iteration_rate_hz: 6 }))).toBeNull();
  });
});

describe("age of what is shown", () => {
  it("is told by the service's clock, whatever this one says", () => {
    const wrongByAnHour = T0 / 1e6 - 3_600_000;
    expect(dataAge(T0 - 2 * SECOND, wrongByAnHour, 3_600_000)).toBeCloseTo(2);
  });

  it("is not told before data or before the clocks were compared", () => {
    expect(dataAge(0, 0, 0)).toBeNull();
    expect(dataAge(T0, 0, null)).toBeNull();
  });

  it("is never negative", () => expect(dataAge(T0, T0 / 1e6 - 5, 0)).toBe(0));
});

describe("staleness", () => {
  const slow = scan({ frame_rate_hz: 5 / 3 });

  it("begins after 5 s where frames come singly", () => {
    expect(staleAfter(slow, reconstruction())).toBe(5);
    expect(isStale(6, slow, reconstruction())).toBe(true);
    expect(isStale(4, slow, reconstruction())).toBe(false);
  });

  it("grants a slow chunk its time", () => {
    const chunked = reconstruction({ live: { chunk: 25 } });
    expect(staleAfter(slow, chunked)).toBeCloseTo(37.5);
    expect(isStale(20, slow, chunked)).toBe(false);
  });

  it("is no matter once the scan is over or the reconstruction was paused", () => {
    expect(isStale(600, scan({ state: "ended" }), reconstruction())).toBe(false);
    expect(isStale(600, slow, reconstruction({ state: "paused" }))).toBe(false);
  });
});
