import { describe, expect, it } from "vitest";

import { parseChain } from "../src/lib/chain";
import { fieldsOf, parseField, readForm, type Field, type JsonSchema } from "../src/lib/schema";
import { energyText, lengthText, parseEnergy, parseLength } from "../src/lib/units";

const SCHEMA: JsonSchema = {
  properties: {
    object_step: { type: "number", default: 0.5, exclusiveMinimum: 0, maximum: 2, description: "How far\n  it goes." },
    batch: { type: "integer", default: 1, minimum: 1, maximum: 256 },
    limit_px: { anyOf: [{ type: "number", exclusiveMinimum: 0 }, { type: "null" }], default: null },
    background: { type: "string", default: "none", enum: ["none", "constant"] },
    probe_power: { type: "boolean", default: false },
  },
};
const fields = fieldsOf(SCHEMA);

function named(name: string): Field {
  const found = fields.find((each) => each.name === name);
  if (found === undefined) throw new Error(name);
  return found;
}

describe("a form from a schema", () => {
  it("knows kinds, bounds, units and help", () => {
    expect(fields.map((each) => each.kind)).toEqual(["number", "integer", "number", "choice", "boolean"]);
    expect(named("object_step")).toMatchObject({ bounds: "> 0, ≤ 2", help: "How far it goes.", initial: 0.5 });
    expect(named("limit_px")).toMatchObject({ unit: "px", optional: true, bounds: "> 0", initial: null });
    expect(named("background").choices).toEqual(["none", "constant"]);
  });

  it.each([
    ["object_step", "2", { value: 2 }],
    ["object_step", "0", { wrong: "expected > 0, ≤ 2, got 0" }],
    ["object_step", "2.1", { wrong: "expected > 0, ≤ 2, got 2.1" }],
    ["object_step", "fast", { wrong: "expected a number, got fast" }],
    ["object_step", "", { wrong: "a value is needed" }],
    ["batch", "1.5", { wrong: "expected a whole number, got 1.5" }],
    ["limit_px", " ", { value: null }],
    ["limit_px", "1e-3", { value: 0.001 }],
    ["probe_power", "true", { value: true }],
    ["background", "constant", { value: "constant" }],
  ])("%s: %j reads %j", (name, text, expected) => expect(parseField(named(name), text)).toEqual(expected));

  it("gives only what differs from what runs", () => {
    const base = { object_step: 0.25, batch: 4 };
    const texts = { object_step: "0.5", batch: "4", limit_px: "3", probe_power: "false" };
    expect(readForm(fields, texts, base)).toEqual({ changed: { object_step: 0.5, limit_px: 3 }, wrong: {} });
    expect(readForm(fields, { batch: "0" }, base)).toEqual({ changed: {}, wrong: { batch: "expected ≥ 1, ≤ 256, got 0" } });
  });
});

describe("a chain of engines", () => {
  const known = ["rpie", "dm", "ml"];

  it("is read as on the command line", () => {
    expect(parseChain("dm", known)).toEqual([{ name: "dm" }]);
    expect(parseChain("rpie:20, dm:200,ml:50", known)).toEqual([
      { name: "rpie", iterations: 20 },
      { name: "dm", iterations: 200 },
      { name: "ml", iterations: 50 },
    ]);
  });

  it.each([
    ["", /expected one of rpie, dm, ml, got nothing/],
    ["epie", /got epie/],
    ["rpie,dm", /expected iterations for each/],
    ["rpie:0,dm", /after rpie:, got 0/],
    ["rpie:1:2,dm", /got 1:2/],
  ])("%j is refused", (text, why) => expect(() => parseChain(text, known)).toThrow(why));
});

describe("units", () => {
  it("are those that people type", () => {
    expect(parseLength("75um")).toBeCloseTo(75e-6, 12);
    expect(parseLength(" 2.335 m ")).toBeCloseTo(2.335, 9);
    expect(parseEnergy("6.2 keV")).toBeCloseTo(9.9335e-16, 19);
    expect([lengthText(75e-6), lengthText(2.335), energyText(9.933494937e-16)]).toEqual(["75 um", "2.335 m", "6.2 keV"]);
  });

  it.each(["", "75", "75 parsec", "-1 m", "0 m"])("%j is refused", (text) => expect(() => parseLength(text)).toThrow(/expected a length/));
});
