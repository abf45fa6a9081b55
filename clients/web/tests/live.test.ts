import { describe, expect, it } from "vitest";

import { backoff } from "../src/live/backoff";
import { reason } from "../src/lib/reason";
import { ServiceClock } from "../src/live/clock";
import { onSilence } from "../src/live/silence";
import { createStore } from "../src/state/store";

describe("back-off", () => {
  it("begins at once and never exceeds two seconds", () => {
    expect(backoff(0, 0)).toBeLessThanOrEqual(100);
    for (const attempt of [1, 5, 50, 5000]) expect(backoff(attempt, 1)).toBeLessThanOrEqual(2000);
  });
});

describe("silence", () => {
  it("is borne for two seconds, then looked into, and ended when it lasts", () => {
    expect([0, 1999, 2001, 29_000, 30_001].map(onSilence)).toEqual(["wait", "wait", "ask", "ask", "lose"]);
  });
});

describe("the service's clock", () => {
  it("is told by the message that travelled fastest", () => {
    const clock = new ServiceClock();
    clock.hear(1_000_000e6, 1_000_300);
    expect(clock.hear(1_001_000e6, 1_001_020)).toBeCloseTo(-20);
    expect(clock.hear(1_002_000e6, 1_002_900)).toBeCloseTo(-20, 0);
  });

  it("may drift", () => {
    const clock = new ServiceClock();
    clock.hear(0, 0);
    const hour = 3_600_000;
    expect(clock.hear((hour - 180) * 1e6, hour)).toBeCloseTo(-180);
  });

  it("is forgotten with the connection", () => {
    const clock = new ServiceClock();
    clock.hear(1e9, 0);
    clock.forget();
    expect(clock.offsetMs).toBeNull();
  });
});

describe("store", () => {
  it("tells of several changes once, and only if something changed in the end", () => {
    const store = createStore((state: number, step: number) => state + step, 1);
    const heard: number[] = [];
    store.subscribe(() => heard.push(store.get()));
    store.batch(() => {
      store.dispatch(2);
      store.batch(() => store.dispatch(3));
      expect([store.get(), heard]).toEqual([6, []]);
    });
    store.batch(() => store.dispatch(0));
    expect(heard).toEqual([6]);
  });

  it("tells of changes only, and only while one listens", () => {
    const store = createStore((state: number, step: number) => state + step, 1);
    let told = 0;
    const leave = store.subscribe(() => told++);
    store.dispatch(2);
    store.dispatch(0);
    leave();
    store.dispatch(1);
    expect([store.get(), told]).toEqual([4, 1]);
  });
});

describe("the service's reason", () => {
  it("is told in its own words", () => {
    expect(reason({ detail: "allowed: nothing, it is over" })).toBe("allowed: nothing, it is over");
    const detail = [{ loc: ["body", "engine"], msg: "Field required" }];
    expect(reason({ detail })).toBe("body.engine: Field required");
    expect(reason(null)).toBeNull();
  });
});
