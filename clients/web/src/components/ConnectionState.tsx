import { useLive } from "../live/page";
import type { Connection } from "../state/model";

const WORDS: Record<Connection, string> = {
  connecting: "connecting",
  open: "connected",
  lost: "reconnecting",
};

export function ConnectionState() {
  const connection = useLive((s) => s.connection);
  const version = useLive((s) => s.version);
  return (
    <div
      className={`connection is-${connection}`}
      data-testid="connection"
      data-state={connection}
      role="status"
      title={version ? `Service ${version}` : "The service has not answered yet"}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        {connection === "open" ? (
          <circle cx="8" cy="8" r="4.5" className="solid" />
        ) : (
          <path d="M8 2.5A5.5 5.5 0 1 1 2.9 6" className="line" />
        )}
      </svg>
      {WORDS[connection]}
    </div>
  );
}
