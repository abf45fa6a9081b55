import { formatCount, formatDuration } from "../lib/format";
import { scanEta } from "../lib/timing";
import type { ScanStatus } from "../protocol";

export function ScanProgress({ scan }: { scan: ScanStatus }) {
  const eta = scanEta(scan);
  const planned = scan.planned;
  return (
    <div className="scan-progress" data-testid="scan-progress" data-received={scan.received} data-planned={planned}>
      <div className="progress-text">
        <span>
          <b>{formatCount(scan.received)}</b>
          {planned === null ? " frames" : ` / ${formatCount(planned)}`}
        </span>
        <span className="dim" data-testid="eta">
          {eta === null ? "" : `ETA ${formatDuration(eta)}`}
        </span>
      </div>
      <progress aria-label="Frames received" max={planned ?? 1} value={planned === null ? 0 : scan.received} />
    </div>
  );
}
