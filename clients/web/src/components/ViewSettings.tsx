import { store, useLive } from "../live/page";
import type { Theme } from "../state/looking";

const THEMES: { theme: Theme; label: string }[] = [
  { theme: "auto", label: "as the system" },
  { theme: "light", label: "light" },
  { theme: "dark", label: "dark" },
];

/** How the page looks in this browser, which remembers it. */
export function ViewSettings() {
  const { theme, compact } = useLive((s) => s.looking);
  return (
    <div className="view-settings" role="group" aria-label="Appearance">
      <label>
        Theme
        <select
          data-testid="theme"
          value={theme}
          onChange={(event) => store.dispatch({ type: "look", change: { theme: event.target.value as Theme } })}
        >
          {THEMES.map((each) => (
            <option key={each.theme} value={each.theme}>
              {each.label}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        data-testid="compact"
        aria-pressed={compact}
        title="Pictures and numbers only, for a wall screen or a tablet"
        onClick={() => store.dispatch({ type: "look", change: { compact: !compact } })}
      >
        Compact
      </button>
    </div>
  );
}
