/** The one store and the one session of this page, and how components read them. */
import { useEffect, useState, useSyncExternalStore } from "react";
import { flushSync } from "react-dom";

import { INITIAL, type Action, type State } from "../state/model";
import { reduce } from "../state/reducer";
import { loadSettings, saveSettings } from "../state/settings";
import { createStore } from "../state/store";
import { localNow } from "./clock";
import { rememberedPerson } from "./identity";
import { liveUrl } from "./rest";
import { Session } from "./session";
import { Together } from "./together";

const operation = { ...INITIAL.operation, person: rememberedPerson() };
export const store = createStore<State, Action>(reduce, loadSettings({ ...INITIAL, operation }));
let seen = store.get();
store.subscribe(() => {
  const { looking, views, showPositions } = store.get();
  if (looking !== seen.looking || views !== seen.views || showPositions !== seen.showPositions) saveSettings(store.get());
  seen = store.get();
});
/** Numbers, curves and clocks wait so long at most for a picture with which they are rendered. */
const MOST_MS = 300;
export const together = new Together(MOST_MS, (work) => flushSync(() => store.batch(work)));
export const session = new Session(store, together, liveUrl());

/** Part of the state; renders again when that part changes. The selector must return the same for the same state. */
export function useLive<T>(selector: (state: State) => T): T {
  return useSyncExternalStore(store.subscribe, () => selector(store.get()));
}

export function notify(text: string): void {
  store.dispatch({ type: "notice", notice: { text, at: localNow() } });
}

/** This browser's clock in ms, read again about every `everyMs`. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(localNow);
  useEffect(() => {
    const timer = window.setInterval(() => void together.later(() => setNow(localNow())), everyMs);
    return () => window.clearInterval(timer);
  }, [everyMs]);
  return now;
}
