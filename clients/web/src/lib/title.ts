/** What the window is called. */
import type { ScanStatus } from "../protocol";

const NAME = "ptycholive";

export function pageTitle(scan: ScanStatus | null, wrong: boolean): string {
  const sign = wrong ? "⚠ " : "";
  if (scan === null) return `${sign}${NAME}`;
  const share = scan.planned === null ? String(scan.received) : `${Math.floor((100 * scan.received) / scan.planned)} %`;
  return `${sign}${scan.key} ${scan.state === "receiving" ? share : scan.state} · ${NAME}`;
}
