import { useState } from "react";

import { engineFields } from "../lib/draft";
import { fieldsOf, readForm, type Texts } from "../lib/schema";
import { attempt, openDialog } from "../live/acts";
import { useLive } from "../live/page";
import { change, fetchSchemas, type Schemas } from "../live/rest";
import type { ReconstructionStatus } from "../protocol";
import { selectedReconstruction } from "../state/select";
import { Dialog } from "./Dialog";
import { DialogButtons } from "./DialogButtons";
import { SchemaFields } from "./SchemaFields";
import { useAsked } from "./useAsked";

/** Other parameters from the next iteration on; nothing starts anew. */
export function ChangeDialog() {
  const schemas = useAsked(fetchSchemas, "list of engines");
  const recon = useLive(selectedReconstruction);
  if (recon === null) return null;
  return (
    <Dialog title={`Change ${recon.engine} of ${recon.id}`} testId="change-dialog" wide>
      <p className="dim">
        What you change here holds from the next iteration on.
        {recon.chain === "" ? "" : " Of a chain, these are the parameters of the engine whose turn it is."}
      </p>
      {schemas === null ? <p>Asking the service…</p> : <ChangeForm schemas={schemas} recon={recon} />}
    </Dialog>
  );
}

function ChangeForm({ schemas, recon }: { schemas: Schemas; recon: ReconstructionStatus }) {
  const [parameters, setParameters] = useState<Texts>({});
  const [live, setLive] = useState<Texts>({});
  const [wrong, setWrong] = useState<Record<string, string>>({});
  const { own, common } = engineFields(schemas, recon.engine);
  const policy = fieldsOf(schemas.live);
  const submit = async () => {
    const [first, second] = [readForm([...own, ...common], parameters, recon.parameters), readForm(policy, live, recon.live)];
    const found = { ...first.wrong, ...second.wrong };
    setWrong(found);
    if (Object.keys(found).length > 0) return;
    const values = { parameters: first.changed, live: second.changed };
    if (await attempt("change the parameters", () => change(recon.id, values))) openDialog(null);
  };
  const put = (set: typeof setLive) => (name: string, text: string) => {
    set((old) => ({ ...old, [name]: text }));
    setWrong({});
  };
  const shared = { base: recon.parameters, texts: parameters, wrong, onChange: put(setParameters) };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <SchemaFields fields={own} {...shared} />
      <details>
        <summary>Parameters that every engine has</summary>
        <SchemaFields fields={common} {...shared} />
      </details>
      <details>
        <summary>Live policy</summary>
        <SchemaFields fields={policy} base={recon.live} texts={live} wrong={wrong} onChange={put(setLive)} />
      </details>
      <DialogButtons yes="Change" testId="change-yes" />
    </form>
  );
}
