import { formatAge } from "../lib/format";
import { dataAge, isStale, staleAfter } from "../lib/timing";
import { useLive, useNow } from "../live/page";
import { selectedReconstruction, selectedScan } from "../state/select";
import { Stat } from "./Stat";

/** How old the newest frame in the picture is: of the data, not of the socket. */
export function Age() {
  const now = useNow(200);
  const dataNs = useLive((s) => s.shown.object?.data_ns ?? 0);
  const offset = useLive((s) => s.offsetMs);
  const scan = useLive(selectedScan);
  const recon = useLive(selectedReconstruction);
  const age = dataAge(dataNs, now, offset);
  const stale = scan !== null && recon !== null && isStale(age, scan, recon);
  const limit = scan === null || recon === null ? "" : `; stale above ${formatAge(staleAfter(scan, recon))}`;
  return (
    <Stat
      label={stale ? "age: stale" : "age"}
      value={formatAge(age)}
      testId="age"
      tone={stale ? "bad" : undefined}
      title={`Since the newest frame in the picture arrived${limit}`}
    />
  );
}
