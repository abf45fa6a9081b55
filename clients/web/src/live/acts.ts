/** What a person does: asks the service, and says why where it refuses. */
import type { ReconstructionStatus } from "../protocol";
import type { DialogName } from "../state/model";
import { selectedReconstruction } from "../state/select";
import { notify, store } from "./page";
import { act, acknowledge, control, note, type ControlAction } from "./rest";

export function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Do something, and tell if it is refused; returns whether it was done. */
export async function attempt(what: string, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    notify(`Could not ${what}: ${words(error)}`);
    return false;
  }
}

/** One that was just started is what one wants to look at. */
export function started(reconstruction: ReconstructionStatus): void {
  store.dispatch({ type: "started", reconstruction });
}

export function pauseOrResume(): void {
  const recon = selectedReconstruction(store.get());
  if (recon === null) return;
  const verb = recon.state === "paused" ? "resume" : "pause";
  void attempt(`${verb} ${recon.id}`, () => act(recon.id, verb));
}

export function acknowledgeAlarm(id: string): void {
  void attempt("acknowledge the alarm", () => acknowledge(id));
}

export function wantControl(action: ControlAction, to = ""): void {
  void attempt(`${action} control`, () => control(action, to));
}

/** Mark this moment in the event log. */
export function writeNote(text: string): Promise<boolean> {
  const { scan } = store.get();
  const recon = selectedReconstruction(store.get());
  if (scan === null) return Promise.resolve(false);
  const at = recon === null ? {} : { reconstruction: recon.id, iteration: recon.iteration };
  return attempt("write the note", () => note(scan, text, at));
}

export function openDialog(dialog: DialogName | null): void {
  store.dispatch({ type: "dialog", dialog });
}
