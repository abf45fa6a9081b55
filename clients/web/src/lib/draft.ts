/** A reconstruction as a person fills it in, and the specification that it makes. */
import type { ReconstructionSpec, Schemas } from "../live/rest";
import type { ReconstructionStatus } from "../protocol";
import { parseChain } from "./chain";
import { fieldsOf, parseField, readForm, type Field, type Texts } from "./schema";

export interface Draft {
  /** One engine, or several that follow one another. */
  chain: string;
  /** What was typed into the first engine's parameters, and into the live policy. */
  parameters: Texts;
  live: Texts;
  probe: string;
  modes: string;
  crop: string;
  binning: string;
  refine: boolean;
  label: string;
}

export const EMPTY_DRAFT: Draft = {
  chain: "",
  parameters: {},
  live: {},
  probe: "",
  modes: "",
  crop: "",
  binning: "",
  refine: false,
  label: "",
};

/** Values that a form starts from. */
export interface Base {
  engine: string;
  parameters: Record<string, unknown>;
  live: Record<string, unknown>;
}

export const NO_BASE: Base = { engine: "", parameters: {}, live: {} };

/** What runs now is what a person changes something of. */
export function baseOf(recon: ReconstructionStatus | null): Base {
  return recon === null ? NO_BASE : { engine: recon.engine, parameters: recon.parameters, live: recon.live };
}

export function firstEngine(chain: string): string {
  return chain.split(/[:,]/)[0]?.trim() ?? "";
}

/** The first engine's own parameters, and those that every engine has. */
export function engineFields(schemas: Schemas, engine: string): { own: Field[]; common: Field[] } {
  const fields = fieldsOf(schemas.engines[engine]);
  const all = Object.values(schemas.engines).map((each) => new Set(Object.keys(each.properties ?? {})));
  const shared = (field: Field): boolean => all.every((names) => names.has(field.name));
  return { own: fields.filter((field) => !shared(field)), common: fields.filter(shared) };
}

export interface Wrong {
  /** By the field's name; `chain` for the engines. */
  [field: string]: string;
}

const COUNT: Field = {
  name: "count",
  kind: "integer",
  optional: true,
  initial: null,
  choices: [],
  unit: "",
  bounds: "≥ 1",
  help: "",
  allows: (value) => value >= 1,
};

/**
 * The specification, or what is wrong, field by field. It holds only what differs from the base or, where what is made
 * knows nothing of the base (`whole`), all that the form shows.
 */
export function specOf(draft: Draft, schemas: Schemas, base: Base, whole = false): { spec: ReconstructionSpec } | { wrong: Wrong } {
  const wrong: Wrong = {};
  const spec: ReconstructionSpec = {};
  const engine = firstEngine(draft.chain);
  const known = engine === base.engine ? base.parameters : {};
  const parameters = readForm(fieldsOf(schemas.engines[engine]), draft.parameters, known);
  const policy = readForm(fieldsOf(schemas.live), draft.live, base.live);
  const own = whole ? { ...known, ...parameters.changed } : parameters.changed;
  const live = whole ? { ...base.live, ...policy.changed } : policy.changed;
  Object.assign(wrong, parameters.wrong, policy.wrong);
  try {
    const [first, ...then] = parseChain(draft.chain, Object.keys(schemas.engines));
    if (first !== undefined) spec.engine = { ...first, parameters: own };
    // The field's name in the service's REST; it holds a list, which nobody can call.
    // eslint-disable-next-line unicorn/no-thenable
    if (then.length > 0) spec.then = then;
  } catch (error) {
    wrong["chain"] = error instanceof Error ? error.message : String(error);
  }
  if (Object.keys(live).length > 0) spec.live = live;
  for (const name of ["modes", "crop", "binning"] as const) {
    const parsed = parseField(COUNT, draft[name]);
    if ("wrong" in parsed) wrong[name] = parsed.wrong;
    else if (parsed.value !== null) spec[name] = parsed.value as number;
  }
  if (draft.probe.trim() !== "") spec.probe = draft.probe.trim();
  if (draft.label.trim() !== "") spec.label = draft.label.trim();
  if (draft.refine) spec.positions = {};
  return Object.keys(wrong).length > 0 ? { wrong } : { spec };
}
