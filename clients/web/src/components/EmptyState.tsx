import { openDialog } from "../live/acts";
import { useLive } from "../live/page";
import { observing } from "../state/operation";

/** Before the first scan: says that all is well and what to do next. */
export function EmptyState() {
  const connection = useLive((s) => s.connection);
  const why = useLive(observing);
  return (
    <main className="empty" data-testid="empty">
      <svg viewBox="0 0 120 84" aria-hidden="true">
        {[0, 1, 2, 3, 4, 5, 6].map((i) => (
          <circle key={i} cx={30 + 10 * i} cy={42 + 16 * Math.sin(1.7 * i)} r="22" />
        ))}
      </svg>
      {connection === "open" ? (
        <>
          <h2>No scan yet</h2>
          <p>The service is ready and listens. A scan appears here as soon as its first frame arrives.</p>
          <div className="buttons">
            <button type="button" className="primary" data-testid="open-replay" disabled={why !== null} title={why ?? undefined} onClick={() => openDialog("replay")}>
              Replay a file…
            </button>
            <button type="button" data-testid="open-arm" disabled={why !== null} title={why ?? undefined} onClick={() => openDialog("arm")}>
              Arm a scan…
            </button>
          </div>
          <p>
            From a shell: <code>ptycholive replay FILE</code>, or try it with <code>ptycholive demo</code>.
          </p>
        </>
      ) : (
        <>
          <h2>Looking for the service</h2>
          <p>
            Is <code>ptycholive serve</code> running? This page connects by itself as soon as it answers.
          </p>
        </>
      )}
    </main>
  );
}
