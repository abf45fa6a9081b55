import { formatCount } from "../lib/format";
import { store, useLive } from "../live/page";
import type { Moment, ReconstructionStatus } from "../protocol";
import type { Beside, Looking } from "../state/looking";
import { newestFirst } from "../state/select";

interface BesideChoiceProps {
  recon: ReconstructionStatus | null;
  moments: Moment[];
}

const MOST = 60;
const look = (change: Partial<Looking>) => store.dispatch({ type: "look", change });

/** What to show beside: another reconstruction, or another moment of this one; and their difference. */
export function BesideChoice({ recon, moments }: BesideChoiceProps) {
  const beside = useLive((s) => s.looking.beside);
  const difference = useLive((s) => s.looking.difference);
  const all = useLive((s) => s.reconstructions);
  if (recon === null) return null;
  const others = newestFirst(all).filter((r) => r.id !== recon.id && r.snapshot > 0);
  const nearest = [...others].sort((a, b) => Number(b.scan === recon.scan) - Number(a.scan === recon.scan));
  return (
    <div className="beside-choice" role="group" aria-label="Compare">
      <label>
        A/B
        <select
          data-testid="beside"
          value={beside === null ? "" : JSON.stringify(beside)}
          onChange={({ target: { value } }) =>
            look({ beside: value === "" ? null : (JSON.parse(value) as Beside), difference: value !== "" && difference })
          }
        >
          <option value="">off</option>
          <optgroup label="Reconstructions">
            {nearest.slice(0, MOST).map(({ id, engine }) => (
              <Choice key={id} beside={{ reconstruction: id, at: null }} label={`${id} (${engine})`} />
            ))}
          </optgroup>
          <optgroup label="Moments of this one">
            {moments.map(({ iteration, frames }) => (
              <Choice
                key={iteration}
                beside={{ reconstruction: recon.id, at: iteration }}
                label={`iteration ${formatCount(iteration)}, ${formatCount(frames)} frames`}
              />
            ))}
          </optgroup>
        </select>
      </label>
      {beside === null ? null : (
        <label className="check" title="B minus A, pixel by pixel">
          <input
            type="checkbox"
            data-testid="difference"
            checked={difference}
            onChange={(event) => look({ difference: event.target.checked })}
          />
          Difference
        </label>
      )}
    </div>
  );
}

function Choice({ beside, label }: { beside: Beside; label: string }) {
  return <option value={JSON.stringify(beside)}>{label}</option>;
}
