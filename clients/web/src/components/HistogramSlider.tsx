import type { Levels } from "../image/levels";
import { formatOnScale } from "../lib/format";
import { histogramPath } from "../lib/histogram";
import type { Histogram } from "../protocol";

interface HistogramSliderProps {
  histogram: Histogram;
  levels: Levels;
  /** Levels that a person dragged, and so locked. */
  onLevels: (levels: Levels) => void;
}

const [WIDTH, HEIGHT] = [150, 26];

/** How often which value occurs in the whole object, and the levels as two handles on it. */
export function HistogramSlider({ histogram, levels, onLevels }: HistogramSliderProps) {
  const { low, high } = histogram;
  const span = high - low;
  const at = (value: number) => WIDTH * Math.min(1, Math.max(0, (value - low) / span));
  const move = (end: keyof Levels, value: number) => {
    const next = { ...levels, [end]: value };
    if (next.low < next.high) onLevels(next);
  };
  return (
    <div className="histogram" data-testid="histogram" style={{ width: WIDTH, height: HEIGHT }}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
        <path d={histogramPath(histogram.counts, WIDTH, HEIGHT)} />
        <rect x={at(levels.low)} width={Math.max(1, at(levels.high) - at(levels.low))} height={HEIGHT} />
      </svg>
      {(["low", "high"] as const).map((end) => (
        <input
          key={end}
          type="range"
          aria-label={end === "low" ? "Lowest level, on the histogram" : "Highest level, on the histogram"}
          aria-valuetext={formatOnScale(levels[end], span)}
          data-testid={`histogram-${end}`}
          min={low}
          max={high}
          step={span / 500}
          value={levels[end]}
          onChange={(event) => move(end, Number(event.target.value))}
        />
      ))}
    </div>
  );
}
