import { describe, expect, it } from "vitest";

import { append, column, EMPTY_TABLE } from "../src/state/table";
import { series } from "./make";

const COLUMNS = ["iteration", "error"];

function appended(table: typeof EMPTY_TABLE, start: number, rows: number[][]): typeof EMPTY_TABLE {
  const message = series(start, COLUMNS, rows);
  return append(table, message.start, message.columns, message.data);
}

describe("append-only table", () => {
  const two = appended(EMPTY_TABLE, 0, [
    [1, 0.5],
    [2, 0.4],
  ]);

  it("takes rows and gives columns", () => {
    expect([...column(two, "iteration")]).toEqual([1, 2]);
    expect([...column(two, "error")]).toEqual([0.5, 0.4]);
    expect([...column(two, "no such")]).toEqual([]);
  });

  it("skips the rows it has", () => {
    const three = appended(two, 1, [
      [2, 9],
      [3, 0.3],
    ]);
    expect([...column(three, "error")]).toEqual([0.5, 0.4, 0.3]);
    expect(appended(two, 0, [[1, 9]])).toBe(two);
  });

  it("takes nothing after a gap", () => expect(appended(two, 3, [[4, 0.2]])).toBe(two));

  it("leaves the older table as it was", () => {
    appended(two, 2, [[3, 0.3]]);
    expect(column(two, "error")).toHaveLength(2);
  });

  it("grows without losing a row", () => {
    let table = EMPTY_TABLE;
    for (let i = 0; i < 2000; i++) table = appended(table, i, [[i, 1 / (i + 1)]]);
    expect([...column(table, "iteration")]).toEqual(Array.from({ length: 2000 }, (_, i) => i));
  });
});
