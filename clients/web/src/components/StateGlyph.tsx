/** States by shape, so that no one depends on seeing colours. */
import type { ReconstructionState, ScanState } from "../protocol";

export type Tone = "live" | "good" | "quiet" | "warn" | "bad";

interface Look {
  tone: Tone;
  /** An SVG path on a 16 x 16 ground. */
  path: string;
  filled: boolean;
}

const PLAY = "M4 2.5 13.5 8 4 13.5Z";
const CHECK = "M2.5 8.5 6.5 12.5 13.5 4";
const CROSS = "M3.5 3.5 12.5 12.5M12.5 3.5 3.5 12.5";
const SQUARE = "M3.5 3.5H12.5V12.5H3.5Z";
const RING = "M8 2.5A5.5 5.5 0 1 1 8 13.5A5.5 5.5 0 1 1 8 2.5Z";

const LOOKS: Record<ScanState | ReconstructionState, Look> = {
  armed: { tone: "quiet", path: RING, filled: false },
  receiving: { tone: "live", path: PLAY, filled: true },
  stalled: { tone: "bad", path: "M8 1.5 15 14H1ZM8 6V10M8 11.6V12.6", filled: false },
  ended: { tone: "good", path: CHECK, filled: false },
  aborted: { tone: "warn", path: CROSS, filled: false },
  waiting: { tone: "quiet", path: `${RING}M8 5V8L10 9.5`, filled: false },
  running: { tone: "live", path: PLAY, filled: true },
  paused: { tone: "warn", path: "M4 3H6.6V13H4ZM9.4 3H12V13H9.4Z", filled: true },
  finishing: { tone: "live", path: "M2 3 7.5 8 2 13ZM8.5 3 14 8 8.5 13Z", filled: true },
  finished: { tone: "good", path: CHECK, filled: false },
  stopped: { tone: "quiet", path: SQUARE, filled: true },
  failed: { tone: "bad", path: CROSS, filled: false },
  refused: { tone: "bad", path: `${RING}M4 4 12 12`, filled: false },
};

export function StateGlyph({ state }: { state: ScanState | ReconstructionState }) {
  const { path, filled, tone } = LOOKS[state];
  return (
    <svg className={`glyph tone-${tone}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={path} className={filled ? "solid" : "line"} />
    </svg>
  );
}

interface StateWordProps {
  state: ScanState | ReconstructionState;
  testId?: string;
}

export function StateWord({ state, testId }: StateWordProps) {
  return (
    <span className={`state tone-${LOOKS[state].tone}`} data-testid={testId} data-state={state}>
      <StateGlyph state={state} />
      {state}
    </span>
  );
}
