import { useEffect, useState } from "react";

import { fetchMoments } from "../live/pictures";
import type { Moment, ReconstructionStatus } from "../protocol";

const NONE: Moment[] = [];

/** The kept moments of a reconstruction, asked for again whenever there are more. */
export function useMoments(recon: ReconstructionStatus | null): Moment[] {
  const [found, setFound] = useState<{ id: string; moments: Moment[] } | null>(null);
  const id = recon?.id ?? null;
  const count = recon?.moments ?? 0;
  useEffect(() => {
    if (id === null || count === 0) return;
    let wanted = true;
    fetchMoments(id)
      .then((moments) => wanted && setFound({ id, moments }))
      .catch(() => undefined); // the next moment asks again
    return () => {
      wanted = false;
    };
  }, [id, count]);
  return found !== null && found.id === id ? found.moments : NONE;
}
