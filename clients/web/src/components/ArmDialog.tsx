import { useState, type ComponentProps } from "react";

import { armingSpec, AXES, EMPTY_ARMING, ORIENTATIONS, presetArming, presetDraft, type Arming } from "../lib/arming";
import { EMPTY_DRAFT, NO_BASE, specOf, type Draft, type Wrong } from "../lib/draft";
import { attempt, openDialog } from "../live/acts";
import { notify } from "../live/page";
import { arm, fetchPresets, fetchSchemas, type ReconstructionSpec, type Schemas } from "../live/rest";
import { Choice } from "./Choice";
import { Dialog } from "./Dialog";
import { DialogButtons } from "./DialogButtons";
import { DraftFields } from "./DraftFields";
import { TextField } from "./TextField";
import { useAsked } from "./useAsked";

/** Says what is to run on the next scan of a name, whatever its sender says of geometry and engine. */
export function ArmDialog() {
  const schemas = useAsked(fetchSchemas, "list of engines");
  const presets = useAsked(fetchPresets, "presets");
  return (
    <Dialog title="Arm a scan" testId="arm-dialog" wide>
      <p className="dim">
        What is filled in here wins over what the sender of the next scan of this name says; what is left empty is taken
        from there.
      </p>
      {schemas === null || presets === null ? <p>Asking the service…</p> : <ArmForm schemas={schemas} presets={presets} />}
    </Dialog>
  );
}

function ArmForm({ schemas, presets }: { schemas: Schemas; presets: Record<string, ReconstructionSpec> }) {
  const [arming, setArming] = useState<Arming>(EMPTY_ARMING);
  const [draft, setDraft] = useState<Draft>({ ...EMPTY_DRAFT, chain: "rpie" });
  const [wrong, setWrong] = useState<Wrong>({});
  const put = (name: keyof Arming) => (value: string) => {
    setArming((old) => ({ ...old, [name]: value }));
    setWrong({});
  };
  const text = (name: keyof Arming) => ({ testId: `arm-${name}`, value: arming[name], wrong: wrong[name], onChange: put(name) });
  const fill = (preset: ReconstructionSpec | undefined) => {
    if (preset === undefined) return;
    setArming((old) => ({ ...old, ...presetArming(preset) }));
    setDraft((old) => ({ ...old, ...presetDraft(preset) }));
  };
  const submit = async () => {
    const [where, what] = [armingSpec(arming), specOf(draft, schemas, NO_BASE)];
    setWrong({ ...("wrong" in where ? where.wrong : {}), ...("wrong" in what ? what.wrong : {}) });
    if (!("spec" in where && "spec" in what)) return;
    const { key, sample, proposal } = arming;
    const metadata = { ...(sample && { sample }), ...(proposal && { proposal }) };
    const done = await attempt("arm the scan", () => arm(key.trim(), { ...what.spec, ...where.spec }, metadata));
    if (!done) return;
    notify(`Armed: the next scan ${key.trim()} runs what was filled in`);
    openDialog(null);
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <div className="fields">
        <TextField label="name of the scan" help="as its sender will call it" {...text("key")} />
        <Choice label="preset" testId="arm-preset" options={["", ...Object.keys(presets)]} none={Object.keys(presets).length === 0 ? "none configured" : "none"} onChange={(name) => fill(presets[name])} />
        <TextField label="sample" {...text("sample")} />
        <TextField label="proposal" {...text("proposal")} />
      </div>
      <GeometryFields arming={arming} put={put} text={text} />
      <h3>Reconstruction</h3>
      <DraftFields
        draft={draft}
        schemas={schemas}
        base={NO_BASE}
        wrong={wrong}
        onChange={(change) => {
          setDraft((old) => ({ ...old, ...change }));
          setWrong({});
        }}
      />
      <DialogButtons yes="Arm" testId="arm-yes" />
    </form>
  );
}

const GEOMETRY = [
  { name: "energy", label: "photon energy", placeholder: "6.2 keV", help: "eV or keV" },
  { name: "distance", label: "sample to detector", placeholder: "2.335 m", help: "length with its unit" },
  { name: "pixel", label: "detector pixel", placeholder: "75 um", help: "edge of a pixel as recorded" },
  { name: "focus", label: "focus to sample", placeholder: "far field", help: "near field only: from the beam's focus to the sample" },
] as const;

interface GeometryFieldsProps {
  arming: Arming;
  put: (name: keyof Arming) => (value: string) => void;
  /** What a text field of this name needs. */
  text: (name: keyof Arming) => Pick<ComponentProps<typeof TextField>, "testId" | "value" | "wrong" | "onChange">;
}

function GeometryFields({ arming, put, text }: GeometryFieldsProps) {
  return (
    <>
      <h3>Geometry</h3>
      <div className="fields">
        {GEOMETRY.map(({ name, label, placeholder, help }) => (
          <TextField key={name} label={label} placeholder={placeholder} help={help} {...text(name)} />
        ))}
        <Choice label="turn or mirror of frames" testId="arm-frames" options={ORIENTATIONS} none="as the sender says" value={arming.frames} onChange={put("frames")} />
        <Choice label="order of positions" testId="arm-axes" options={AXES} none="as the sender says" value={arming.axes} onChange={put("axes")} />
      </div>
    </>
  );
}
