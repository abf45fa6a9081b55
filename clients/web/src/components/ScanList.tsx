import { useMemo } from "react";

import { formatCount, formatError } from "../lib/format";
import { store, useLive } from "../live/page";
import type { ReconstructionStatus, ScanStatus } from "../protocol";
import { newestFirst, reconstructionsOf } from "../state/select";
import { StateGlyph } from "./StateGlyph";

export function ScanList() {
  const scans = useLive((s) => s.scans);
  const follow = useLive((s) => s.follow);
  const listed = useMemo(() => newestFirst(scans), [scans]);
  return (
    <nav className="panel scans" aria-label="Scans">
      <div className="panel-head">
        <h2>Scans</h2>
        <label className="check" title="Always look at the newest live scan">
          <input
            type="checkbox"
            checked={follow}
            data-testid="follow"
            onChange={(event) => store.dispatch({ type: "follow", follow: event.target.checked })}
          />
          Follow latest
        </label>
      </div>
      <ul className="scan-list" data-testid="scan-list">
        {listed.map((scan) => (
          <ScanItem key={scan.id} scan={scan} />
        ))}
      </ul>
    </nav>
  );
}

function ScanItem({ scan }: { scan: ScanStatus }) {
  const selected = useLive((s) => s.scan === scan.id);
  const reconstructions = useLive((s) => s.reconstructions);
  const own = useMemo(() => reconstructionsOf({ reconstructions }, scan.id), [reconstructions, scan.id]);
  const part = scan.planned === null ? "" : `/${formatCount(scan.planned)}`;
  return (
    <li className={selected ? "is-selected" : ""} data-testid="scan-item" data-scan={scan.id}>
      <button
        type="button"
        className="scan-item"
        aria-current={selected}
        onClick={() => store.dispatch({ type: "select", scan: scan.id, reconstruction: null })}
      >
        <StateGlyph state={scan.state} />
        <span className="item-name">{scan.key}</span>
        <span className="item-when">{when(scan.created_ns)}</span>
        <span className="item-state">{scan.state}</span>
        <span className="item-count">
          {formatCount(scan.received)}
          {part}
        </span>
      </button>
      {selected && own.length > 0 ? (
        <ul>
          {own.map((recon) => (
            <ReconstructionItem key={recon.id} recon={recon} />
          ))}
        </ul>
      ) : null}
    </li>
  );
}

function ReconstructionItem({ recon }: { recon: ReconstructionStatus }) {
  const selected = useLive((s) => s.reconstruction === recon.id);
  return (
    <li data-testid="recon-item" data-reconstruction={recon.id}>
      <button
        type="button"
        className="recon-item"
        aria-current={selected}
        title={`${recon.id}${recon.restarted_from === null ? "" : `, restarted from ${recon.restarted_from}`}`}
        onClick={() => store.dispatch({ type: "select", scan: recon.scan, reconstruction: recon.id })}
      >
        <StateGlyph state={recon.state} />
        <span className="item-name">
          .{recon.id.split(".").at(-1)} {recon.label || recon.engine}
        </span>
        <span className="item-count">{formatError(recon.error)}</span>
        <span className="item-state">{recon.state}</span>
      </button>
    </li>
  );
}

/** The time of day, or the day where it is not today's. */
function when(ns: number): string {
  const date = new Date(ns / 1e6);
  const today = date.toDateString() === new Date().toDateString();
  return today
    ? date.toLocaleTimeString("en-GB")
    : date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}
