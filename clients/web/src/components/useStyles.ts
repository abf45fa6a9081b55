import { useMemo } from "react";

import type { Style } from "../image/paint";
import { useLive } from "../live/page";
import type { FieldName } from "../protocol";

/** How object or probe are painted, as chosen. */
export function useFieldStyle(name: FieldName): Style {
  const { look, colormaps, locked } = useLive((s) => s.views[name]);
  const [colormap, own] = [colormaps[look], locked[look]];
  return useMemo(() => ({ look, colormap, locked: own }), [look, colormap, own]);
}
