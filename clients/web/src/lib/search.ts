/** Which scans have the words that a person looks for; the service does the same for those that the page does not know. */
import type { ScanStatus } from "../protocol";

export function matchesScan(scan: ScanStatus, search: string): boolean {
  const text = [scan.id, scan.key, scan.state, ...Object.values(scan.metadata).map(String)].join(" ").toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
