import type { Profile } from "../image/measure";
import { formatLength, formatOnScale } from "../lib/format";
import { profilePath } from "../lib/profile";

interface ProfilePlotProps {
  profile: Profile;
  unit: string;
  pixelM: number;
}

const [WIDTH, HEIGHT] = [260, 84];

/** Values over the distance along a line; gaps where nothing was covered. */
export function ProfilePlot({ profile, unit, pixelM }: ProfilePlotProps) {
  const drawn = profilePath(profile, WIDTH, HEIGHT);
  if (drawn === null) return <span className="dim">Nothing covered along this line</span>;
  const span = drawn.high - drawn.low;
  return (
    <figure className="profile">
      <figcaption>
        <span data-testid="profile-span">
          {formatOnScale(drawn.low, span)} … {formatOnScale(drawn.high, span)} {unit}
        </span>
        <span>{formatLength((profile.distances.at(-1) ?? 0) * pixelM)}</span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} role="img" aria-label="Values along the line">
        <path d={drawn.path} />
      </svg>
    </figure>
  );
}
