import { formatCount, formatDuration, formatError } from "../lib/format";
import { finishEta } from "../lib/timing";
import { trend } from "../lib/trend";
import { useLive } from "../live/page";
import type { ReconstructionStatus } from "../protocol";
import { selectedReconstruction, selectedSeries } from "../state/select";
import { column, newest } from "../state/table";
import { ErrorCurve } from "./ErrorCurve";
import { StateWord } from "./StateGlyph";
import { useDark } from "./useDark";

export function ConvergencePanel() {
  const recon = useLive(selectedReconstruction);
  const theme = useDark() ? "dark" : "light";
  const metrics = useLive((s) => selectedSeries(s).metrics);
  const errors = column(metrics, "error");
  const factors = column(metrics, "r_factor");
  const way = trend(errors, column(metrics, "frames"));
  return (
    <section className="panel convergence" aria-label="Convergence">
      <div className="panel-head">
        <h2>Convergence</h2>
        {recon === null ? null : <StateWord state={recon.state} testId="recon-state" />}
        {recon === null ? null : <span className="dim engine-name" data-testid="engine-name">{recon.chain || recon.engine}</span>}
      </div>
      {recon === null ? null : <IterationProgress recon={recon} />}
      <div className="curve-figures">
        <span className="key key-error">
          error <b data-testid="error-value">{formatError(newest(errors) ?? recon?.error ?? null)}</b>
        </span>
        <span className="key key-factor" title="R-factor">
          R <b data-testid="r-factor-value">{formatError(newest(factors))}</b>
        </span>
        <span className="key key-frames">frames</span>
        {way === null ? null : (
          <span className={`trend is-${way.word}`} data-testid="trend" title="Over the last 20 iterations on the same frames">
            {ARROWS[way.word]} {way.word}
          </span>
        )}
      </div>
      <ErrorCurve key={theme} table={metrics} />
    </section>
  );
}

const ARROWS = { falling: "↘", flat: "→", rising: "↗" };

/** Iterations done; once the number in all is known, how far the final ones have come. */
function IterationProgress({ recon }: { recon: ReconstructionStatus }) {
  const total = recon.total_iterations;
  const eta = recon.state === "finishing" ? finishEta(recon) : null;
  const rate = recon.state === "running" ? `${recon.iteration_rate_hz.toFixed(1)} it/s` : "";
  return (
    <div className="iterations">
      <div className="progress-text">
        <span>
          iteration <b data-testid="iteration">{formatCount(recon.iteration)}</b>
          {total === null ? "" : ` / ${formatCount(total)}`}
        </span>
        <span className="dim">
          {eta === null ? rate : `ETA ${formatDuration(eta)}`}
        </span>
      </div>
      {total === null ? null : (
        <progress aria-label="Iterations" data-testid="final-progress" max={total} value={recon.iteration} />
      )}
    </div>
  );
}
