import { useEffect, useMemo, useState } from "react";

import { formatCount, formatError } from "../lib/format";
import { matchesScan } from "../lib/search";
import { words } from "../live/acts";
import { notify, store, useLive } from "../live/page";
import { fetchReconstructions, searchScans } from "../live/rest";
import type { ReconstructionStatus, ScanStatus } from "../protocol";
import { newestFirst, reconstructionsOf } from "../state/select";
import { StateGlyph } from "./StateGlyph";
import { Thumbnail } from "./Thumbnail";

const TYPING_MS = 300;

export function ScanList() {
  const scans = useLive((s) => s.scans);
  const follow = useLive((s) => s.follow);
  const [search, setSearch] = useState("");
  useSearch(search);
  const listed = useMemo(() => newestFirst(scans).filter((scan) => matchesScan(scan, search)), [scans, search]);
  return (
    <nav className="panel scans" aria-label="Scans">
      <div className="panel-head">
        <h2>Scans</h2>
        <label className="check" title="Always look at the newest live scan (g)">
          <input
            type="checkbox"
            checked={follow}
            data-testid="follow"
            onChange={(event) => store.dispatch({ type: "follow", follow: event.target.checked })}
          />
          Follow latest
        </label>
        <input
          type="search"
          className="search"
          data-testid="search"
          aria-label="Search scans"
          placeholder="Search name, sample, proposal…"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
      </div>
      <ul className="scan-list" data-testid="scan-list">
        {listed.map((scan) => (
          <ScanItem key={scan.id} scan={scan} />
        ))}
        {listed.length === 0 ? <li className="none">No scan has these words.</li> : null}
      </ul>
    </nav>
  );
}

/** The page knows the newest scans; older ones are asked for when somebody looks for them. */
function useSearch(text: string): void {
  useEffect(() => {
    if (text.trim() === "") return;
    const timer = window.setTimeout(() => {
      searchScans(text.trim()).then(
        (scans) => store.dispatch({ type: "found", scans, reconstructions: [] }),
        (error: unknown) => notify(`Search: ${words(error)}`),
      );
    }, TYPING_MS);
    return () => window.clearTimeout(timer);
  }, [text]);
}

function choose(scan: ScanStatus): void {
  store.dispatch({ type: "select", scan: scan.id, reconstruction: null });
  const known = store.get().reconstructions;
  if (scan.reconstructions.every((id) => id in known)) return;
  fetchReconstructions(scan.id).then(
    (reconstructions) => store.dispatch({ type: "found", scans: [], reconstructions }),
    (error: unknown) => notify(`Reconstructions of ${scan.id}: ${words(error)}`),
  );
}

function ScanItem({ scan }: { scan: ScanStatus }) {
  const selected = useLive((s) => s.scan === scan.id);
  const reconstructions = useLive((s) => s.reconstructions);
  const own = useMemo(() => reconstructionsOf({ reconstructions }, scan.id), [reconstructions, scan.id]);
  const part = scan.planned === null ? "" : `/${formatCount(scan.planned)}`;
  const newest = own[0];
  return (
    <li className={selected ? "is-selected" : ""} data-testid="scan-item" data-scan={scan.id}>
      <button type="button" className="scan-item" aria-current={selected} onClick={() => choose(scan)}>
        <Thumbnail recon={newest ?? null} />
        <span className="item-name" title={scan.key}>
          {scan.key}
        </span>
        <span className="item-when">{when(scan.created_ns)}</span>
        <span className="item-state">
          <StateGlyph state={scan.state} /> {scan.state}
        </span>
        <span className="item-count">
          {formatCount(scan.received)}
          {part}
        </span>
        {newest === undefined ? null : (
          <span className="item-outcome" data-testid="outcome">
            {newest.state}, error {formatError(newest.error)}
          </span>
        )}
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
          .{recon.id.split(".").at(-1)} {recon.label || recon.chain || recon.engine}
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
