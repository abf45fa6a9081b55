import { useEffect, useState } from "react";

import { useLive } from "../live/page";
import { fetchFocus } from "../live/pictures";
import type { ProbeFocus } from "../protocol";
import { selectedReconstruction } from "../state/select";
import { useRefresh } from "./useRefresh";

/** The service looks for the focus now and then only, so it need not be asked more often. */
const EVERY_MS = 3000;

/** The latest focus of what is looked at; null before there is one. */
export function useFocus(): ProbeFocus | null {
  const id = useLive((s) => s.reconstruction);
  const [found, setFound] = useState<{ id: string; focus: ProbeFocus } | null>(null);
  const snapshot = useRefresh(useLive((s) => selectedReconstruction(s)?.snapshot ?? 0), EVERY_MS);
  useEffect(() => {
    if (id === null || snapshot === 0) return;
    let wanted = true;
    fetchFocus(id)
      .then((focus) => wanted && setFound({ id, focus }))
      .catch(() => wanted && setFound(null)); // there may be none yet: the next snapshot asks again
    return () => {
      wanted = false;
    };
  }, [id, snapshot]);
  return found !== null && found.id === id ? found.focus : null;
}
