import { describe, expect, it } from "vitest";

import { armingSpec, EMPTY_ARMING, presetArming, presetDraft } from "../src/lib/arming";
import { baseOf, EMPTY_DRAFT, engineFields, known, NO_BASE, specOf, type Draft } from "../src/lib/draft";
import { eventText, eventTone } from "../src/lib/events";
import { matchesScan } from "../src/lib/search";
import { actOf, SHORTCUTS } from "../src/lib/shortcuts";
import { pageTitle } from "../src/lib/title";
import type { Schemas } from "../src/live/rest";
import type { ScanEvent } from "../src/protocol";
import { scanHindrance } from "../src/state/allowed";
import { reconstruction, scan } from "./make";

const SHARED = { probe_start: { type: "integer", default: 2, minimum: 1 } };
const SCHEMAS: Schemas = {
  engines: {
    rpie: { title: "RPIE", properties: { ...SHARED, object_step: { type: "number", default: 0.5, maximum: 2 } } },
    dm: { title: "DM", properties: { ...SHARED, alpha: { type: "number", default: 0.8, maximum: 1 } } },
  },
  live: { properties: { chunk: { type: "integer", default: 25, minimum: 1 } } },
  positions: {},
};
const base = baseOf(reconstruction({ parameters: { object_step: 0.25, probe_start: 2 }, live: { chunk: 10 } }));

describe("a specification that a person fills in", () => {
  it("holds what differs from what runs", () => {
    const draft = { ...EMPTY_DRAFT, chain: "rpie", parameters: [{ object_step: "0.3" }], modes: "2", refine: true };
    const spec = { engine: { name: "rpie", parameters: { object_step: 0.3 } }, modes: 2, positions: {} };
    expect(specOf(draft, SCHEMAS, base)).toEqual({ spec });
  });

  it("holds all that the form shows where it begins anew", () => {
    const draft = { ...EMPTY_DRAFT, chain: "rpie:20,dm", parameters: [{ object_step: "0.3" }], label: " mine " };
    expect(specOf(draft, SCHEMAS, base, true)).toEqual({
      spec: {
        engine: { name: "rpie", iterations: 20, parameters: { object_step: 0.3, probe_start: 2 } },
        // eslint-disable-next-line unicorn/no-thenable
        then: [{ name: "dm", parameters: {} }],
        live: { chunk: 10 },
        label: "mine",
      },
    });
  });

  it("begins each engine of a chain with what it has, and keeps what nobody changes", () => {
    const chain = reconstruction({ engine: "dm", chain: "rpie:20,dm:100", parameters: { alpha: 0.7 }, live: {} });
    const asked = {
      engine: { name: "rpie", iterations: 20, parameters: { object_step: 0.25 } },
      // eslint-disable-next-line unicorn/no-thenable
      then: [{ name: "dm", iterations: 100, parameters: { alpha: 0.7, probe_start: 3 } }],
    };
    const from = baseOf(chain, asked);
    expect([known(from, 0, "rpie"), known(from, 1, "dm")]).toEqual([asked.engine.parameters, asked.then[0]?.parameters]);
    const draft: Draft = { ...EMPTY_DRAFT, chain: "rpie:20,dm:200", parameters: [{}, { alpha: "0.6" }] };
    expect(specOf(draft, SCHEMAS, from)).toEqual({
      spec: {
        engine: { name: "rpie", iterations: 20, parameters: {} },
        // eslint-disable-next-line unicorn/no-thenable
        then: [{ name: "dm", iterations: 200, parameters: { alpha: 0.6, probe_start: 3 } }],
      },
    });
    const wrong = specOf({ ...draft, parameters: [{}, { alpha: "2" }] }, SCHEMAS, from);
    expect("wrong" in wrong ? Object.keys(wrong.wrong) : []).toEqual(["2.alpha"]);
  });

  it("takes nothing over from another engine", () => {
    const draft = { ...EMPTY_DRAFT, chain: "dm", parameters: [{ alpha: "0.9" }] };
    expect(specOf(draft, SCHEMAS, base)).toEqual({ spec: { engine: { name: "dm", parameters: { alpha: 0.9 } } } });
  });

  it("is refused with what is wrong, field by field", () => {
    const draft = { ...EMPTY_DRAFT, chain: "sirt", live: { chunk: "0" }, modes: "half" };
    const made = specOf(draft, SCHEMAS, NO_BASE);
    expect(Object.keys("wrong" in made ? made.wrong : {}).sort()).toEqual(["chain", "chunk", "modes"]);
  });

  it("shows an engine's own parameters before those of all engines", () => {
    const { own, common } = engineFields(SCHEMAS, "dm");
    expect([own.map((f) => f.name), common.map((f) => f.name)]).toEqual([["alpha"], ["probe_start"]]);
  });
});

describe("arming by hand", () => {
  const geometry = { energy_J: 9.933494937e-16, distance_m: 2, detector_pixel_m: 75e-6 };

  it("is filled in by a preset and gives it back", () => {
    const filled = presetArming({ geometry, orientation: { frames: "flip_rows" } });
    expect(filled).toMatchObject({ energy: "6.2 keV", distance: "2 m", pixel: "75 um", frames: "flip_rows", focus: "" });
    const made = armingSpec({ ...EMPTY_ARMING, ...filled, key: "k" });
    expect(made).toMatchObject({ spec: { orientation: { frames: "flip_rows" } } });
    expect("spec" in made && made.spec.geometry?.energy_J).toBeCloseTo(geometry.energy_J, 20);
    const preset = { engine: { name: "rpie", iterations: 5 }, modes: 2, probe: "data" };
    expect(presetDraft(preset)).toEqual({ chain: "rpie:5", modes: "2", probe: "data" });
  });

  it("leaves to the sender what is left empty", () => {
    expect(armingSpec({ ...EMPTY_ARMING, key: "k" })).toEqual({ spec: {} });
  });

  it("needs a name, and a whole geometry or none", () => {
    const made = armingSpec({ ...EMPTY_ARMING, distance: "2 m" });
    expect(Object.keys("wrong" in made ? made.wrong : {}).sort()).toEqual(["energy", "key", "pixel"]);
  });
});

function event(author: string, name: string, details: Record<string, unknown> = {}): ScanEvent {
  return { ts_ns: 0, author, event: name, details };
}

describe("the event log", () => {
  it.each([
    [event("Anna", "note", { text: "beam is back" }), "beam is back", "person"],
    [event("service", "alarm", { text: "3 frames lost" }), "alarm: 3 frames lost", "alarm"],
    [event("Anna", "alarm acknowledged", { text: "3 frames lost" }), "alarm acknowledged: 3 frames lost", "person"],
    [event("Ben", "changed", { id: "s.1", parameters: { step: 0.5 }, live: {} }), "changed .1: step = 0.5", "person"],
    [event("worker", "started", { id: "s.2", engine: "dm", message: "" }), "started .2 dm", "quiet"],
    [event("Ben", "control", { holder: "Anna", asking: ["Ben"] }), "control is with Anna; asked for by Ben", "person"],
    [event("ingest", "another sender", { run: "0a", message: "refused" }), "another sender refused", "alarm"],
    [event("service", "control", { holder: "" }), "control is free", "quiet"],
  ])("says %o", (line, text, tone) => expect([eventText(line), eventTone(line)]).toEqual([text, tone]));
});

describe("keys", () => {
  const press = { key: "p", ctrlKey: false, metaKey: false, altKey: false };

  it("act, but not while somebody types or means the browser", () => {
    expect(actOf(press, false)).toBe("pause");
    expect(actOf(press, true)).toBeNull();
    expect(actOf({ ...press, ctrlKey: true }, false)).toBeNull();
    expect(actOf({ ...press, key: "x" }, false)).toBeNull();
  });

  it("are each of one meaning", () => {
    expect(new Set(SHORTCUTS.map((each) => each.key)).size).toBe(SHORTCUTS.length);
  });
});

describe("the window's title", () => {
  it.each([
    [null, false, "ptycholive"],
    [scan({ received: 63 }), false, "104233 20 % · ptycholive"],
    [scan({ received: 63, planned: null }), true, "⚠ 104233 63 · ptycholive"],
    [scan({ state: "stalled" }), true, "⚠ 104233 stalled · ptycholive"],
  ])("says how things stand: %#", (found, wrong, title) => expect(pageTitle(found, wrong)).toBe(title));
});

describe("scans", () => {
  const found = scan({ key: "Run 7", metadata: { sample: "gold star" } });

  it("are found by all words, in any case", () => {
    expect([matchesScan(found, "GOLD run"), matchesScan(found, "gold silver"), matchesScan(found, "")]).toEqual([true, false, true]);
  });

  it("cannot be attached to before they begin, nor aborted when they are over", () => {
    expect(scanHindrance("attach", scan({ state: "armed" }))).not.toBeNull();
    expect(scanHindrance("abort", scan({ state: "armed" }))).toBeNull();
    expect(scanHindrance("abort", scan({ state: "ended" }))).not.toBeNull();
    expect(scanHindrance("attach", null)).not.toBeNull();
  });
});
