/** A reconstruction as a person fills it in, and the specification that it makes. */
import type { EngineSpec, ReconstructionSpec, Schemas } from "../live/rest";
import type { ReconstructionStatus } from "../protocol";
import { parseChain } from "./chain";
import { fieldsOf, parseField, readForm, type Field, type Texts } from "./schema";

export interface Draft {
  /** One engine, or several that follow one another. */
  chain: string;
  /** What was typed into each engine's parameters, and into the live policy. */
  parameters: Texts[];
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
  parameters: [],
  live: {},
  probe: "",
  modes: "",
  crop: "",
  binning: "",
  refine: false,
  label: "",
};

/** Values that a form starts from: of each engine in its turn those that differ from the defaults, or all. */
export interface Base {
  stages: { engine: string; parameters: Record<string, unknown> }[];
  live: Record<string, unknown>;
}

export const NO_BASE: Base = { stages: [], live: {} };

/** What runs now is what a person changes something of; the status tells the parameters of one engine only. */
export function baseOf(recon: ReconstructionStatus | null, spec: ReconstructionSpec | null = null): Base {
  if (recon === null) return NO_BASE;
  const { live } = recon;
  if (recon.chain === "" || !spec?.engine) return { stages: [{ engine: recon.engine, parameters: recon.parameters }], live };
  const stages = [spec.engine, ...(spec.then ?? [])];
  return { stages: stages.map(({ name, parameters }) => ({ engine: name, parameters: parameters ?? {} })), live };
}

/** What a stage's parameters are as long as nobody changes them. */
export function known(base: Base, stage: number, engine: string): Record<string, unknown> {
  const found = base.stages[stage];
  return found?.engine === engine ? found.parameters : {};
}

/** The engines that are named, known or not. */
export function engineNames(chain: string): string[] {
  return chain.split(",").map((stage) => stage.split(":")[0]?.trim() ?? "");
}

/** Before the name of a field of a stage: two engines may have one of the same name. */
export function stagePrefix(stage: number): string {
  return stage === 0 ? "" : `${stage + 1}.`;
}

/** An engine's own parameters, and those that every engine has. */
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
  const policy = readForm(fieldsOf(schemas.live), draft.live, base.live);
  const live = whole ? { ...base.live, ...policy.changed } : policy.changed;
  Object.assign(wrong, policy.wrong);
  try {
    const [first, ...then] = stagesOf(draft, schemas, base, whole, wrong);
    if (first !== undefined) spec.engine = first;
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

/** The engines with their parameters; what is wrong with these is added to `wrong`. Throws an Error for what is no chain. */
function stagesOf(draft: Draft, schemas: Schemas, base: Base, whole: boolean, wrong: Wrong): EngineSpec[] {
  const stages = parseChain(draft.chain, Object.keys(schemas.engines));
  for (const [i, stage] of stages.entries()) {
    const before = known(base, i, stage.name);
    const read = readForm(fieldsOf(schemas.engines[stage.name]), draft.parameters[i] ?? {}, before);
    for (const [name, why] of Object.entries(read.wrong)) wrong[stagePrefix(i) + name] = why;
    // The service adds to what the first engine has; those that follow are taken as they are given.
    stage.parameters = whole || i > 0 ? { ...before, ...read.changed } : read.changed;
  }
  return stages;
}
