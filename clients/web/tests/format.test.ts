import { describe, expect, it } from "vitest";

import { formatAge, formatDuration, formatError, formatLength, formatOnScale, formatRate } from "../src/lib/format";

describe("figures are short and have their unit", () => {
  it.each([
    [41, "0:41"],
    [61.4, "1:01"],
    [3725, "1:02:05"],
    [null, "–"],
    [Number.POSITIVE_INFINITY, "–"],
  ])("duration %s s is %s", (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  it.each([
    [0.1, "0.1 s"],
    [12.4, "12 s"],
    [600, "10 min"],
    [7200, "2 h"],
    [null, "–"],
  ])("age %s s is %s", (seconds, text) => expect(formatAge(seconds)).toBe(text));

  it.each([
    [980.4, "980"],
    [1000, "1,000"],
    [1.666, "1.7"],
    [0, "0"],
    [Number.NaN, "0"],
  ])("rate %s Hz is %s", (hertz, text) => expect(formatRate(hertz)).toBe(text));

  it.each([
    [0.12345, "0.123"],
    [0.00012, "1.2e-4"],
    [null, "–"],
    [Number.NaN, "–"],
  ])("error %s is %s", (value, text) => expect(formatError(value)).toBe(text));

  it.each([
    [2e-6, "2 µm"],
    [5e-7, "500 nm"],
    [1e-3, "1 mm"],
    [2.1e-8, "21 nm"],
  ])("length %s m is %s", (metres, text) => expect(formatLength(metres)).toBe(text));
});

describe("values on a scale", () => {
  it("have the digits that the scale's span needs", () => {
    expect(formatOnScale(0.1234, 0.01)).toBe("0.1234");
    expect(formatOnScale(0.1234, 1)).toBe("0.12");
    expect(formatOnScale(1234.5, 1000)).toBe("1235");
  });

  it("are never minus zero", () => expect(formatOnScale(-0.0001, 1)).toBe("0.00"));
});
