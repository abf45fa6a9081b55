/** Forms from the JSON schemas of engines and policies: no parameter is known here by its name. */

export interface JsonSchema {
  title?: string;
  description?: string;
  properties?: Record<string, JsonProperty>;
}

export interface JsonProperty {
  type?: string;
  title?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  anyOf?: JsonProperty[];
}

export interface Field {
  name: string;
  kind: "number" | "integer" | "boolean" | "choice" | "text";
  /** Whether it may be left empty: null. */
  optional: boolean;
  initial: unknown;
  choices: string[];
  unit: string;
  /** What is allowed, for people: "0 < value ≤ 2". */
  bounds: string;
  help: string;
  allows: (value: number) => boolean;
}

export function fieldsOf(schema: JsonSchema | undefined): Field[] {
  return Object.entries(schema?.properties ?? {}).map(([name, property]) => fieldOf(name, property));
}

function fieldOf(name: string, property: JsonProperty): Field {
  const variant = property.anyOf?.find((each) => each.type !== "null");
  const its = { ...property, ...variant };
  return {
    name,
    kind: kindOf(its),
    optional: property.anyOf?.some((each) => each.type === "null") ?? false,
    initial: property.default ?? null,
    choices: (its.enum ?? []).map(String),
    unit: unitOf(name),
    bounds: boundsOf(its),
    help: (property.description ?? "").replaceAll(/\s+/g, " ").trim(),
    allows: (value) => allowed(its, value),
  };
}

function kindOf({ type, enum: choices }: JsonProperty): Field["kind"] {
  if (choices !== undefined) return "choice";
  if (type === "integer" || type === "number" || type === "boolean") return type;
  return "text";
}

const UNITS: Record<string, string> = { px: "px", m: "m", s: "s", hz: "Hz", counts: "counts", rad: "rad" };

/** By the suffix that names carry in this project. */
function unitOf(name: string): string {
  return UNITS[name.split("_").at(-1) ?? ""] ?? "";
}

function boundsOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonProperty): string {
  const low = minimum === undefined ? (exclusiveMinimum === undefined ? "" : `> ${short(exclusiveMinimum)}`) : `≥ ${short(minimum)}`;
  const high = maximum === undefined ? (exclusiveMaximum === undefined ? "" : `< ${short(exclusiveMaximum)}`) : `≤ ${short(maximum)}`;
  return [low, high].filter((each) => each !== "").join(", ");
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}

function allowed(its: JsonProperty, value: number): boolean {
  return (
    value >= (its.minimum ?? -Infinity) &&
    value <= (its.maximum ?? Infinity) &&
    value > (its.exclusiveMinimum ?? -Infinity) &&
    value < (its.exclusiveMaximum ?? Infinity)
  );
}

/** What a person typed, as a value; or what is wrong with it. */
export function parseField(field: Field, text: string): { value: unknown } | { wrong: string } {
  const typed = text.trim();
  if (typed === "") return field.optional ? { value: null } : { wrong: "a value is needed" };
  if (field.kind === "boolean") return { value: typed === "true" };
  if (field.kind === "choice" || field.kind === "text") return { value: typed };
  const value = Number(typed);
  if (!Number.isFinite(value)) return { wrong: `expected a number, got ${typed}` };
  if (field.kind === "integer" && !Number.isInteger(value)) return { wrong: `expected a whole number, got ${typed}` };
  return field.allows(value) ? { value } : { wrong: `expected ${field.bounds}, got ${typed}` };
}

export function fieldText(value: unknown): string {
  return value === null || value === undefined ? "" : String(value);
}

export type Texts = Record<string, string>;

export interface FormResult {
  /** What differs from the base. */
  changed: Record<string, unknown>;
  wrong: Record<string, string>;
}

/** The values of a form that differ from `base`, and what cannot be taken. */
export function readForm(fields: Field[], texts: Texts, base: Record<string, unknown>): FormResult {
  const result: FormResult = { changed: {}, wrong: {} };
  for (const field of fields) {
    const before = field.name in base ? base[field.name] : field.initial;
    const text = texts[field.name] ?? fieldText(before);
    if (text === fieldText(before)) continue;
    const parsed = parseField(field, text);
    if ("wrong" in parsed) result.wrong[field.name] = parsed.wrong;
    else if (parsed.value !== before) result.changed[field.name] = parsed.value;
  }
  return result;
}
