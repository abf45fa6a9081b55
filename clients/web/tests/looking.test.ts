import { describe, expect, it } from "vitest";

import { histogramPath } from "../src/lib/histogram";
import { colourRange, countKinds, fitMap, nearestPoint } from "../src/lib/scanmap";
import { arrivals, thinned } from "../src/lib/thin";
import { fieldRequests, imageRequests, isWanted, subscription } from "../src/live/subscription";
import { POINT_COLUMNS, POINT_STATES, type Points } from "../src/protocol";
import { readPoints } from "../src/state/looking";
import { INITIAL, type Action, type State } from "../src/state/model";
import { reduce } from "../src/state/reducer";
import { earlierReconstruction } from "../src/state/select";
import { recalled, remembered } from "../src/state/settings";
import { hello, image, layer, reconstruction, scan, SECOND, T0 } from "./make";

function points(rows: Partial<Record<(typeof POINT_COLUMNS)[number], number>>[], of = "s1.1"): Points {
  const flat = Float32Array.from(rows.flatMap((row) => POINT_COLUMNS.map((name) => row[name] ?? Number.NaN)));
  const message = new Uint8Array(flat.byteLength + 1);
  message.set(new Uint8Array(flat.buffer), 1);
  return { t: "points", reconstruction: of, number: 4, now_ns: T0, columns: [...POINT_COLUMNS], data: message.subarray(1) };
}

const state = (name: (typeof POINT_STATES)[number]) => POINT_STATES.indexOf(name);

function after(...actions: Action[]): State {
  const begun = hello([scan()], [reconstruction({ id: "s1.1" }), reconstruction({ id: "s1.2", created_ns: T0 - SECOND })]);
  const greet: Action = { type: "received", message: begun, offsetMs: 0 };
  return [greet, ...actions].reduce(reduce, INITIAL);
}

const look = (change: Partial<State["looking"]>): Action => ({ type: "look", change });

describe("what is asked for", () => {
  it("is object, probe, a diffraction pattern and the scan map while it is live", () => {
    const wish = subscription(after(look({ distance: 1e-4, flat: false, pattern: "summed" })));
    expect(wish?.images?.map((each) => each.name)).toEqual(["object", "probe", "summed"]);
    expect(wish?.images?.[0]).toMatchObject({ flat: false });
    expect(wish?.images?.[1]).toMatchObject({ distance_m: 1e-4 });
    expect(wish?.points).toBe(true);
  });

  it("is no picture while they are held", () => {
    const frozen = after(look({ frozen: true }));
    expect(subscription(frozen)).toMatchObject({ images: [], points: false });
    expect(isWanted(image([1, 1, 1], [layer("phase", [1], 0, 1)]), frozen)).toBe(false);
  });

  it("is object and probe of the moment, apart from the stream, while one looks back", () => {
    const back = after(look({ at: 12 }));
    expect(imageRequests(back).map((each) => each.name)).toEqual(["latest"]);
    expect(fieldRequests(back).map((each) => each.name)).toEqual(["object", "probe"]);
  });
});

describe("what one looks at", () => {
  it("is live again when another reconstruction is chosen", () => {
    const beside = { reconstruction: "s1.2", at: null };
    const before = after(look({ at: 5, frozen: true, beside, distance: 1e-3, map: "error" }));
    const turned = reduce(before, { type: "select", scan: "s1", reconstruction: "s1.2" });
    expect(turned.looking).toMatchObject({ at: null, frozen: false, beside: null, distance: 0, map: "error" });
  });

  it("is remembered, but not what belongs to one scan", () => {
    const kept = after(look({ theme: "dark", compact: true, pattern: "summed", at: 7, frozen: true }), {
      type: "view",
      name: "object",
      settings: { look: "complex" },
    });
    const back = recalled(INITIAL, remembered(kept));
    expect(back.looking).toMatchObject({ theme: "dark", compact: true, pattern: "summed", at: null, frozen: false });
    expect(back.views.object.look).toBe("complex");
  });

  it.each(["", "nonsense", "null", "[1]", '{"looking":{"theme":"pink","compact":"yes"},"views":{"object":{"look":"x"}}}'])(
    "is the usual where %j was remembered",
    (text) => {
      const back = recalled(INITIAL, text);
      expect([back.looking, back.views]).toEqual([INITIAL.looking, INITIAL.views]);
    },
  );
});

describe("the scan map", () => {
  const made = readPoints(
    points([
      { index: 0, state: state("used"), row_m: 0, col_m: 0, error: 0.1 },
      { index: 1, state: state("planned"), row_m: 0, col_m: 4e-6 },
      { index: 2, state: state("frame only") },
      { index: 3, state: state("outside"), row_m: 1e-6, col_m: 2e-6, error: 0.3 },
      { index: 4, state: state("no beam"), row_m: 1e-6, col_m: 3e-6 },
    ]),
  );

  it("is read from any byte, and only for what is looked at", () => {
    expect(made.count).toBe(5);
    expect(made.columns["error"]?.[3]).toBeCloseTo(0.3);
    expect(after({ type: "received", message: points([{ index: 0 }]), offsetMs: 0 }).points?.number).toBe(4);
    expect(after({ type: "received", message: points([{ index: 0 }], "s9.1"), offsetMs: 0 }).points).toBeNull();
  });

  it("counts what an operator tells apart", () => {
    expect(countKinds(made)).toEqual({ planned: 1, received: 0, used: 1, unpaired: 1, "no beam": 1, bad: 1 });
  });

  it("has the same scale on both axes and finds the point under the pointer", () => {
    const place = fitMap(made, { width: 120, height: 120 });
    if (place === null) throw new Error("expected a place");
    expect(place.scale * 4e-6).toBeCloseTo(100);
    expect(nearestPoint(made, place, place.x + place.scale * 2e-6 + 3, place.y + place.scale * 1e-6)?.index).toBe(3);
    expect(nearestPoint(made, place, place.x + 50, place.y - 50)).toBeNull();
    expect(fitMap(readPoints(points([{ index: 2 }])), { width: 10, height: 10 })).toBeNull();
  });

  it("colours by percentiles of what is known", () => {
    expect(colourRange(Float32Array.from([Number.NaN, 2, 1, 3]))).toEqual([1, 3]);
    expect(colourRange(Float32Array.from([Number.NaN]))).toBeNull();
    const [low, high] = colourRange(Float32Array.from([5, 5])) ?? [0, 0];
    expect(high).toBeGreaterThan(low);
  });
});

describe("a long curve", () => {
  it("is thinned out without losing its peaks", () => {
    const values = Float64Array.from({ length: 10_000 }, (_, i) => (i === 7777 ? 99 : i === 3333 ? -99 : Math.sin(i)));
    const rows = thinned(values, 0, values.length, 500);
    expect(rows.length).toBeLessThanOrEqual(501);
    expect(rows).toContain(7777);
    expect(rows).toContain(3333);
    expect(rows.at(-1)).toBe(9999);
    expect(rows.every((row, i) => i === 0 || row > (rows[i - 1] ?? 0))).toBe(true);
  });

  it("is whole where it is short, and says nothing of what is not known", () => {
    expect(thinned(Float64Array.from([3, 1, 2]), 1, 3, 10)).toEqual([1, 2]);
    expect(thinned(new Float64Array(100).fill(Number.NaN), 0, 100, 10).length).toBeLessThanOrEqual(11);
  });

  it("is marked where chunks arrived", () => {
    const frames = Float64Array.from([25, 25, 50, 50, 75]);
    expect(arrivals(Float64Array.from([1, 2, 3, 4, 5]), frames)).toEqual([1, 3, 5]);
  });
});

describe("the scan before", () => {
  it("is the newest earlier one that has a picture", () => {
    const scans = [scan({ id: "a", created_ns: 1 }), scan({ id: "b", created_ns: 2 }), scan({ id: "c", created_ns: 3 })];
    const all = [
      reconstruction({ id: "a.1", scan: "a", snapshot: 3, created_ns: 1 }),
      reconstruction({ id: "b.1", scan: "b", snapshot: 0, created_ns: 2 }),
      reconstruction({ id: "c.1", scan: "c", snapshot: 2, created_ns: 3 }),
    ];
    const at = reduce(INITIAL, { type: "received", message: hello(scans, all), offsetMs: 0 });
    expect(earlierReconstruction(at)?.id).toBe("a.1");
    expect(earlierReconstruction({ ...at, scan: "a" })).toBeNull();
  });
});

describe("a histogram", () => {
  it("fills its box to where it is highest", () => {
    expect(histogramPath([0, 4, 1], 30, 10)).toBe("M0 10L0.0 10.0H10.0L10.0 0.0H20.0L20.0 5.0H30.0V10Z");
  });
});
