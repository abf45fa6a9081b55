import { formatBytes, formatCount, formatRanges, formatRate } from "../lib/format";
import { useLive } from "../live/page";
import type { ReconstructionStatus, ScanStatus } from "../protocol";
import { selectedReconstruction, selectedScan } from "../state/select";
import { Age } from "./Age";
import { ConnectionState } from "./ConnectionState";
import { ControlState } from "./ControlState";
import { ScanProgress } from "./ScanProgress";
import { Stat } from "./Stat";
import { StateWord } from "./StateGlyph";

export function StatusBar() {
  const scan = useLive(selectedScan);
  const recon = useLive(selectedReconstruction);
  return (
    <header className="status-bar">
      <h1 className="brand">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <circle cx="12" cy="13" r="7.5" />
          <circle cx="20" cy="13" r="7.5" />
          <circle cx="16" cy="20" r="7.5" />
        </svg>
        <span>ptycholive</span>
      </h1>
      {scan === null ? <div className="grow" /> : <ScanHead scan={scan} />}
      {scan === null ? null : <Figures scan={scan} recon={recon} />}
      <Device />
      <ControlState />
      <ConnectionState />
    </header>
  );
}

function ScanHead({ scan }: { scan: ScanStatus }) {
  return (
    <>
      <div className="scan-head">
        <span className="scan-key" data-testid="scan-key" title={scan.key}>
          {scan.key}
        </span>
        <span className="scan-id" data-testid="scan-id" title="The service's id of this scan">
          {scan.id}
        </span>
      </div>
      <StateWord state={scan.state} testId="scan-state" />
      <ScanProgress scan={scan} />
    </>
  );
}

function Figures({ scan, recon }: { scan: ScanStatus; recon: ReconstructionStatus | null }) {
  const iterates = recon !== null && (recon.state === "running" || recon.state === "finishing");
  const unpaired = scan.received - scan.paired;
  return (
    <div className="figures">
      <Stat
        label="detector"
        value={formatRate(scan.state === "receiving" ? scan.frame_rate_hz : 0)}
        unit="Hz"
        testId="rate-detector"
        title="Frames recorded a second"
      />
      <Stat
        label="reconstruction"
        value={formatRate(iterates ? recon.frame_rate_hz : 0)}
        unit="Hz"
        testId="rate-reconstruction"
        title="Frames processed a second: iterations a second times frames admitted"
      />
      <Stat
        label="lag"
        value={formatCount(recon?.lag ?? 0)}
        testId="lag"
        title="Frames that have arrived but are not yet iterated on"
      />
      <Stat
        label="lost"
        value={formatCount(scan.lost)}
        testId="lost"
        tone={scan.lost > 0 ? "warn" : undefined}
        title="Frames that never came, though later ones did"
      />
      <Stat
        label="unpaired"
        value={formatCount(unpaired)}
        testId="unpaired"
        tone={unpaired > 0 && scan.state === "ended" ? "warn" : undefined}
        title="Frames whose position has not come"
      />
      {recon === null || recon.without_beam === 0 ? null : (
        <Stat
          label="no beam"
          value={formatCount(recon.without_beam)}
          testId="no-beam"
          tone="warn"
          title={`Frames left out because there was no light in them: ${formatRanges(recon.without_beam_at)}`}
        />
      )}
      <Age />
    </div>
  );
}

/** Where it is computed, and how much of its memory is taken. */
function Device() {
  const service = useLive((s) => s.operation.service);
  if (service === null || service.memory_bytes === 0) return null;
  const used = service.memory_bytes - service.memory_free_bytes;
  return (
    <div className="device" title={`${service.device}: memory used of all there is; disk ${formatBytes(service.disk_free_bytes)} free`}>
      <span className="stat-label" data-testid="device">
        {service.device}
      </span>
      <span className="device-memory">
        <meter
          aria-label="Memory used"
          data-testid="memory"
          min={0}
          max={service.memory_bytes}
          high={0.95 * service.memory_bytes}
          value={used}
        />
        <span>
          {formatBytes(used)} / {formatBytes(service.memory_bytes)}
        </span>
      </span>
    </div>
  );
}
