interface ViewButtonsProps {
  zoom: (factor: number) => void;
  fit: () => void;
  showPositions: boolean;
  onShowPositions: (show: boolean) => void;
}

const STEP = 1.5;

export function ViewButtons({ zoom, fit, showPositions, onShowPositions }: ViewButtonsProps) {
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
        title="Positions of the probe"
        data-testid="positions"
        aria-pressed={showPositions}
        onClick={() => onShowPositions(!showPositions)}
      >
        <Icon path="M4 4H4.01M12 5H12.01M8 8.5H8.01M4.5 12H4.51M11.5 12.5H11.51" heavy />
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
