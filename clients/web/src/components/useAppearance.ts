import { useLayoutEffect } from "react";

import { useLive } from "../live/page";
import { useDark } from "./useDark";

/** Tells the style sheets of theme and compactness, before anything below is measured or drawn. */
export function useAppearance(): void {
  const dark = useDark();
  const compact = useLive((s) => s.looking.compact);
  useLayoutEffect(() => {
    const { dataset } = document.documentElement;
    dataset["theme"] = dark ? "dark" : "light";
    dataset["compact"] = String(compact);
  }, [dark, compact]);
}
