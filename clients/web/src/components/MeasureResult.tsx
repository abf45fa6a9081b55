import { quantityOf, unitOf } from "../lib/quantity";
import { formatLength, formatOnScale } from "../lib/format";
import type { Picture } from "./PictureCanvas";
import { ProfilePlot } from "./ProfilePlot";
import { useAsk } from "./useAsk";
import type { Mark } from "./useMeasure";

interface MeasureResultProps {
  picture: Picture;
  mark: Mark;
}

/** What the picture says along the line, or within the box; with every new picture anew. */
export function MeasureResult({ picture, mark }: MeasureResultProps) {
  return (
    <div className="measure-result" data-testid="measure-result" data-tool={mark.tool}>
      {mark.tool === "line" ? <Line picture={picture} mark={mark} /> : <Box picture={picture} mark={mark} />}
    </div>
  );
}

function Line({ picture, mark }: MeasureResultProps) {
  const quantity = quantityOf(picture.look);
  const profile = useAsk(picture, { kind: "profile", quantity, from: mark.from, to: mark.to });
  if (profile === null) return null;
  return <ProfilePlot profile={profile} unit={unitOf(quantity)} pixelM={picture.image.pixel_m} />;
}

function Box({ picture, mark }: MeasureResultProps) {
  const quantity = quantityOf(picture.look);
  const found = useAsk(picture, { kind: "region", quantity, from: mark.from, to: mark.to });
  if (found === null) return <span className="dim">No pixel in this box</span>;
  const [height, width] = [0, 1].map((axis) => Math.abs((mark.to[axis] ?? 0) - (mark.from[axis] ?? 0)));
  const span = found.high - found.low;
  const text = (value: number) => `${formatOnScale(value, span)} ${unitOf(quantity)}`;
  const share = found.pixels === 0 ? 0 : Math.round((100 * found.covered) / found.pixels);
  const rows: [string, string][] = [
    ["mean", text(found.mean)],
    ["std. dev.", text(found.deviation)],
    ["lowest", text(found.low)],
    ["highest", text(found.high)],
    ["size", `${formatLength((width ?? 0) * picture.image.pixel_m)} × ${formatLength((height ?? 0) * picture.image.pixel_m)}`],
    ["covered", `${share} %`],
  ];
  return (
    <dl>
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
