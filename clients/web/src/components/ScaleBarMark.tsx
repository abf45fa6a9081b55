import { scaleBar } from "../lib/scalebar";

interface ScaleBarMarkProps {
  metresPerPx: number;
  mostPx: number;
}

export function ScaleBarMark({ metresPerPx, mostPx }: ScaleBarMarkProps) {
  const bar = scaleBar(metresPerPx, mostPx);
  if (bar === null) return null;
  return (
    <div className="scale-bar" data-testid="scale-bar">
      <div style={{ width: bar.px }} />
      {bar.label}
    </div>
  );
}
