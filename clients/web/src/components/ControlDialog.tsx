import { useState } from "react";

import { openDialog, wantControl } from "../live/acts";
import { rememberPerson } from "../live/identity";
import { store, useLive } from "../live/page";
import { hasControl } from "../state/operation";
import { Dialog } from "./Dialog";
import { TextField } from "./TextField";

/** Who has control, and who sits here. */
export function ControlDialog() {
  const operation = useLive((s) => s.operation);
  const [name, setName] = useState(operation.person);
  const control = operation.service?.control;
  const mine = hasControl(operation);
  const asks = control?.asking.some((each) => each.viewer === operation.viewer) ?? false;
  const say = () => {
    rememberPerson(name.trim());
    store.dispatch({ type: "person", name: name.trim() });
  };
  const want = (action: "ask" | "release") => {
    say();
    wantControl(action);
    openDialog(null);
  };
  return (
    <Dialog title="Control" testId="control-dialog" onClose={() => openDialog(null)}>
      <p>
        {control === undefined || control.holder === ""
          ? "Nobody has control: whoever acts first takes it."
          : mine
            ? "You have control; everybody else observes."
            : `${control.name} has control; here you observe. If your request is not answered within 30 s, or their browser is gone for 5 s, you get it.`}
      </p>
      <div className="fields">
        <TextField label="your name" testId="person" value={name} onChange={setName} help="stands in the event log beside what you do" />
      </div>
      <div className="buttons">
        <button
          type="button"
          data-testid="person-yes"
          onClick={() => {
            say();
            openDialog(null);
          }}
        >
          Close
        </button>
        {mine || asks ? (
          <button type="button" data-testid="control-release" onClick={() => want("release")}>
            {mine ? "Give it back" : "No longer ask"}
          </button>
        ) : (
          <button type="button" className="primary" data-testid="control-ask" onClick={() => want("ask")}>
            {control === undefined || control.holder === "" ? "Take control" : "Ask for control"}
          </button>
        )}
      </div>
    </Dialog>
  );
}
