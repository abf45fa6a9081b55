import { useEffect, useState } from "react";

import type { JsonSchema } from "../lib/schema";
import { fetchSchemas, startReconstruction } from "../live/rest";
import { notify, store, useLive } from "../live/page";
import { selectedReconstruction } from "../state/select";

/** Starts another reconstruction of the scan, beside those that run. */
export function StartControl() {
  const scan = useLive((s) => s.scan);
  const engines = useEngines();
  const [chosen, setChosen] = useState<string | null>(null);
  const names = Object.keys(engines);
  const current = useLive((s) => selectedReconstruction(s)?.engine);
  const engine = [chosen, current].find((name) => name !== null && name !== undefined && name in engines) ?? names[0];
  const start = async () => {
    if (scan === null || engine === undefined) return;
    try {
      store.dispatch({ type: "started", reconstruction: await startReconstruction(scan, { engine: { name: engine } }) });
    } catch (error) {
      notify(`Could not start ${engine}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  return (
    <div className="start">
      <label>
        <span className="label">Engine</span>
        <select
          data-testid="engine"
          value={engine ?? ""}
          title={engine === undefined ? "The service lists no engines" : engines[engine]?.description}
          onChange={(event) => setChosen(event.target.value)}
        >
          {names.map((name) => (
            <option key={name} value={name}>
              {engines[name]?.title ?? name}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        className="primary"
        data-testid="start"
        disabled={scan === null || engine === undefined}
        onClick={() => void start()}
      >
        Start on this scan
      </button>
    </div>
  );
}

/** The service's engines, asked for again whenever the connection opens. */
function useEngines(): Record<string, JsonSchema> {
  const [engines, setEngines] = useState<Record<string, JsonSchema>>({});
  const open = useLive((s) => s.connection === "open");
  useEffect(() => {
    if (!open) return;
    fetchSchemas().then((found) => setEngines(found.engines), (error: unknown) => notify(`No list of engines: ${String(error)}`));
  }, [open]);
  return engines;
}
