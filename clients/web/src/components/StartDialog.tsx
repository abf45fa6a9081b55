import { useCallback, useState } from "react";

import { baseOf, EMPTY_DRAFT, specOf, type Draft, type Wrong } from "../lib/draft";
import { attempt, openDialog, started } from "../live/acts";
import { useLive } from "../live/page";
import { fetchSchemas, fetchSpec, restart, startReconstruction, type ReconstructionSpec, type Schemas } from "../live/rest";
import { selectedReconstruction } from "../state/select";
import { Dialog } from "./Dialog";
import { DraftFields } from "./DraftFields";
import { DialogButtons } from "./DialogButtons";
import { useAsked } from "./useAsked";

/** Another reconstruction beside those there are, or in place of the one that is looked at. */
export function StartDialog({ instead }: { instead: boolean }) {
  const schemas = useAsked(fetchSchemas, "list of engines");
  const id = useLive((s) => s.reconstruction);
  const askSpec = useCallback(() => (id === null ? Promise.resolve({}) : fetchSpec(id)), [id]);
  const spec = useAsked<ReconstructionSpec>(askSpec, "specification of what runs");
  const title = instead ? `Restart ${id ?? ""}` : "Attach another reconstruction";
  return (
    <Dialog title={title} testId="start-dialog" wide>
      <p className="dim">
        {instead
          ? "It is stopped, and another one starts at the first frame with what you change here. Its curve and result are kept."
          : "It runs beside those there are, on the same frames from the first one on."}
      </p>
      {schemas === null || spec === null ? (
        <p>Asking the service…</p>
      ) : (
        <StartForm schemas={schemas} spec={spec} instead={instead} />
      )}
    </Dialog>
  );
}

interface StartFormProps {
  schemas: Schemas;
  spec: ReconstructionSpec;
  instead: boolean;
}

function StartForm({ schemas, spec, instead }: StartFormProps) {
  const recon = useLive(selectedReconstruction);
  const scan = useLive((s) => s.scan);
  const base = baseOf(recon, spec);
  const [draft, setDraft] = useState<Draft>({ ...EMPTY_DRAFT, chain: recon?.chain || recon?.engine || "rpie" });
  const [wrong, setWrong] = useState<Wrong>({});
  const send = async (wanted: ReconstructionSpec) => {
    if (instead && recon !== null) started(await restart(recon.id, wanted));
    else if (scan !== null) started(await startReconstruction(scan, wanted));
  };
  const submit = async () => {
    const made = specOf(draft, schemas, base, !instead);
    setWrong("wrong" in made ? made.wrong : {});
    if ("spec" in made && (await attempt(instead ? "restart" : "start", () => send(made.spec)))) openDialog(null);
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <DraftFields
        draft={draft}
        schemas={schemas}
        base={base}
        wrong={wrong}
        onChange={(change) => {
          setDraft((old) => ({ ...old, ...change }));
          setWrong({});
        }}
      />
      <DialogButtons yes={instead ? "Restart" : "Start"} testId="start-yes" danger={instead} />
    </form>
  );
}
