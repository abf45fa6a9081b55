import { engineFields, engineNames, known, stagePrefix, type Base, type Draft, type Wrong } from "../lib/draft";
import { fieldsOf, type Texts } from "../lib/schema";
import type { Schemas } from "../live/rest";
import { SchemaFields } from "./SchemaFields";
import { TextField } from "./TextField";

interface DraftFieldsProps {
  draft: Draft;
  schemas: Schemas;
  base: Base;
  wrong: Wrong;
  onChange: (change: Partial<Draft>) => void;
}

const PROBES = ["data", "auto", "given", "round:50nm,defocus=980um", "annulus:3um,1um", "gaussian:1um", "rect:1umx2um"];

/** Everything that a reconstruction can be told, of which nothing must be. */
export function DraftFields({ draft, schemas, base, wrong, onChange }: DraftFieldsProps) {
  const putLive = (name: string, text: string) => onChange({ live: { ...draft.live, [name]: text } });
  return (
    <>
      <div className="fields">
        <TextField
          label="engine"
          testId="engine"
          value={draft.chain}
          wrong={wrong["chain"]}
          options={Object.keys(schemas.engines)}
          help={`${Object.keys(schemas.engines).join(", ")}; or several that follow one another: rpie:20,dm`}
          onChange={(chain) => onChange({ chain })}
        />
        <DraftText name="label" help="your name for it, as it stands in the list" {...{ draft, wrong, onChange }} />
      </div>
      {engineNames(draft.chain).map((engine, stage) => (
        // A stage is its place in the chain.
        // oxlint-disable-next-line react/no-array-index-key
        <StageFields key={stage} {...{ engine, stage, draft, schemas, base, wrong, onChange }} />
      ))}
      <details>
        <summary>Live policy: when frames are taken in, and how often is iterated on them</summary>
        <SchemaFields fields={fieldsOf(schemas.live)} base={base.live} texts={draft.live} wrong={wrong} onChange={putLive} />
      </details>
      <details>
        <summary>Probe, frames and positions</summary>
        <div className="fields">
          <TextField
            label="initial probe"
            testId="probe"
            value={draft.probe}
            options={PROBES}
            placeholder="as the scan says"
            help="data, auto (computed from the frames), given (with the scan), or an aperture: round:50nm,defocus=980um"
            onChange={(probe) => onChange({ probe })}
          />
          <DraftText name="modes" help="incoherent probe modes; empty: as it is" {...{ draft, wrong, onChange }} />
          <DraftText name="crop" help="central pixels of each frame that are used" {...{ draft, wrong, onChange }} />
          <DraftText name="binning" help="squares of so many detector pixels are added up" {...{ draft, wrong, onChange }} />
        </div>
        <label className="check">
          <input type="checkbox" checked={draft.refine} onChange={(event) => onChange({ refine: event.target.checked })} />
          Refine the positions
        </label>
      </details>
    </>
  );
}

/** The parameters of one engine of the chain. */
function StageFields({ engine, stage, draft, schemas, base, wrong, onChange }: DraftFieldsProps & { engine: string; stage: number }) {
  const { own, common } = engineFields(schemas, engine);
  const texts = draft.parameters[stage] ?? {};
  const put = (name: string, text: string) => {
    const parameters: Texts[] = Array.from({ length: Math.max(draft.parameters.length, stage + 1) }, (_, i) => draft.parameters[i] ?? {});
    parameters[stage] = { ...texts, [name]: text };
    onChange({ parameters });
  };
  const shared = { base: known(base, stage, engine), texts, wrong, prefix: stagePrefix(stage), onChange: put };
  return (
    <>
      <h3>{engine in schemas.engines ? `Parameters of ${schemas.engines[engine]?.title ?? engine}` : "Parameters"}</h3>
      <SchemaFields fields={own} {...shared} />
      <details>
        <summary>Parameters that every engine has</summary>
        <SchemaFields fields={common} {...shared} />
      </details>
    </>
  );
}

interface DraftTextProps {
  name: "label" | "modes" | "crop" | "binning";
  help: string;
  draft: Draft;
  wrong: Wrong;
  onChange: (change: Partial<Draft>) => void;
}

function DraftText({ name, help, draft, wrong, onChange }: DraftTextProps) {
  return (
    <TextField
      label={name}
      testId={name}
      value={draft[name]}
      wrong={wrong[name]}
      help={help}
      onChange={(text) => onChange({ [name]: text })}
    />
  );
}
