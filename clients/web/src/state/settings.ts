/** What this browser remembers of how one looks; what is not understood, or from another version, is passed over. */
import { COLORMAPS, type ColormapName } from "../image/colormaps";
import { LOOKING, type Looking } from "./looking";
import type { State, ViewSettings } from "./model";

const KEY = "ptycholive.looking";
const KEPT = ["flat", "earlierProbe", "pattern", "map", "theme", "compact"] as const;
const CHOICES: Partial<Record<keyof Looking, readonly unknown[]>> = {
  pattern: ["latest", "summed"],
  map: ["state", "error", "intensity"],
  theme: ["auto", "light", "dark"],
};
const LOOKS = ["phase", "amplitude", "complex"] as const;

/** What is worth remembering, as text. */
export function remembered(state: Pick<State, "looking" | "views" | "showPositions">): string {
  const looking = Object.fromEntries(KEPT.map((name) => [name, state.looking[name]]));
  const views = Object.fromEntries(
    Object.entries(state.views).map(([name, { look, colormaps }]) => [name, { look, colormaps }]),
  );
  return JSON.stringify({ looking, views, showPositions: state.showPositions });
}

/** The state with what was remembered. */
export function recalled(state: State, text: string | null): State {
  const saved = parsed(text);
  if (saved === null) return state;
  const looking = { ...state.looking };
  for (const name of KEPT) {
    const value = saved.looking?.[name];
    const choices = CHOICES[name];
    const valid = choices === undefined ? typeof value === typeof LOOKING[name] : choices.includes(value);
    if (valid) Object.assign(looking, { [name]: value });
  }
  const views = { object: view(state.views.object, saved.views?.object), probe: view(state.views.probe, saved.views?.probe) };
  return { ...state, looking, views, showPositions: saved.showPositions === true };
}

export function loadSettings(state: State): State {
  return recalled(state, safely(() => localStorage.getItem(KEY)));
}

export function saveSettings(state: State): void {
  safely(() => localStorage.setItem(KEY, remembered(state)));
}

interface Saved {
  looking?: Record<string, unknown>;
  views?: Record<string, Record<string, unknown>>;
  showPositions?: unknown;
}

function parsed(text: string | null): Saved | null {
  const value: unknown = text === null ? null : safely(() => JSON.parse(text) as unknown);
  return typeof value === "object" && value !== null ? value : null;
}

function view(own: ViewSettings, saved: Record<string, unknown> | undefined): ViewSettings {
  const look = LOOKS.find((l) => l === saved?.["look"]) ?? own.look;
  const colormaps = { ...own.colormaps };
  const names = (saved?.["colormaps"] ?? {}) as Record<string, unknown>;
  for (const each of LOOKS) {
    const name = names[each];
    if (typeof name === "string" && Object.hasOwn(COLORMAPS, name)) colormaps[each] = name as ColormapName;
  }
  return { ...own, look, colormaps };
}

/** A browser may forbid its storage. */
function safely<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
