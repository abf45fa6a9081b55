import { useEffect } from "react";

import { pageTitle } from "../lib/title";
import { useLive } from "../live/page";
import { selectedScan } from "../state/select";

/** The window's title says how the scan stands, for who looks at another tab. */
export function useTitle(): void {
  const scan = useLive(selectedScan);
  const wrong = useLive((s) => s.connection === "lost" || s.operation.alarms.some((each) => each.severity === "alarm" && each.acknowledged_by === ""));
  const title = pageTitle(scan, wrong);
  useEffect(() => {
    document.title = title;
  }, [title]);
}
