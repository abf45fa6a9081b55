import type { Tool } from "./useMeasure";

interface ViewButtonsProps {
  zoom: (factor: number) => void;
  fit: () => void;
  showPositions: boolean;
  onShowPositions: (show: boolean) => void;
  tool: Tool;
  choose: (tool: "line" | "region") => void;
}

const STEP = 1.5;

export function ViewButtons({ zoom, fit, showPositions, onShowPositions, tool, choose }: ViewButtonsProps) {
  return (
    <div className="view-buttons" role="group" aria-label="View">
      <button type="button" aria-label="Zoom in" title="Zoom in (+)" data-testid="zoom-in" onClick={() => zoom(STEP)}>
        <Icon path="M8 3V13M3 8H13" />
      </button>
      <button type="button" aria-label="Zoom out" title="Zoom out (−)" data-testid="zoom-out" onClick={() => zoom(1 / STEP)}>
        <Icon path="M3 8H13" />
      </button>
      <button type="button" aria-label="Fit" title="Fit (0 or double click)" data-testid="fit" onClick={fit}>
        <Icon path="M2.5 6V2.5H6M10 2.5H13.5V6M13.5 10V13.5H10M6 13.5H2.5V10" />
      </button>
      <button
        type="button"
        aria-label="Show positions"
        title="Positions of the probe, as given and as refined"
        data-testid="positions"
        aria-pressed={showPositions}
        onClick={() => onShowPositions(!showPositions)}
      >
        <Icon path="M4 4H4.01M12 5H12.01M8 8.5H8.01M4.5 12H4.51M11.5 12.5H11.51" heavy />
      </button>
      <button
        type="button"
        aria-label="Line profile"
        title="Values along a line: drag on the picture"
        data-testid="tool-line"
        aria-pressed={tool === "line"}
        onClick={() => choose("line")}
      >
        <Icon path="M3 13L13 3M2 11L5 14M11 2L14 5" />
      </button>
      <button
        type="button"
        aria-label="Region of interest"
        title="Statistics of a box: drag on the picture"
        data-testid="tool-region"
        aria-pressed={tool === "region"}
        onClick={() => choose("region")}
      >
        <Icon path="M3 4H13V12H3Z" />
      </button>
    </div>
  );
}

function Icon({ path, heavy = false }: { path: string; heavy?: boolean }) {
  return (
    <svg className="glyph" viewBox="0 0 16 16" aria-hidden="true">
      <path d={path} className={heavy ? "line heavy" : "line"} />
    </svg>
  );
}
