import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Together } from "../src/live/together";

describe("what is rendered together", () => {
  let renderings: string[][] = [];
  let done: string[] = [];
  const together = new Together(300, (work) => {
    done = [];
    work();
    renderings.push(done);
  });
  const say = (word: string) => () => done.push(word);

  beforeEach(() => {
    renderings = [];
    vi.useFakeTimers();
  });
  afterEach(() => vi.useRealTimers());

  it("waits for what cannot wait, and is done in order with it, once", () => {
    void together.later(say("numbers"));
    void together.later(say("clock"));
    vi.advanceTimersByTime(299);
    expect(renderings).toEqual([]);
    together.now(say("picture"));
    vi.advanceTimersByTime(1000);
    expect(renderings).toEqual([["numbers", "clock", "picture"]]);
  });

  it("is done after a while where nothing comes", () => {
    void together.later(say("numbers"));
    vi.advanceTimersByTime(200);
    void together.later(say("clock"));
    vi.advanceTimersByTime(100);
    expect(renderings).toEqual([["numbers", "clock"]]);
    void together.later(say("numbers"));
    vi.advanceTimersByTime(300);
    expect(renderings).toHaveLength(2);
  });

  it("waits for the next time where it is asked for by what is being done", () => {
    void together.later(() => void together.later(say("again")));
    together.now();
    expect(renderings).toEqual([[]]);
    vi.advanceTimersByTime(300);
    expect(renderings).toEqual([[], ["again"]]);
  });

  it("tells who asked when it is done, or why it could not be", async () => {
    const shown = together.later(say("picture"));
    const failed = together.later(() => {
      throw new Error("no canvas");
    });
    const caught = failed.catch((error: unknown) => String(error));
    together.now(say("more"));
    await shown;
    expect(await caught).toContain("no canvas");
    expect(renderings).toEqual([["picture", "more"]]);
  });
});
