import { useSyncExternalStore } from "react";

import { useLive } from "../live/page";

const darkness = window.matchMedia("(prefers-color-scheme: dark)");

/** Whether the page is dark: for what draws its own colours and must be made anew when that changes. */
export function useDark(): boolean {
  const theme = useLive((s) => s.looking.theme);
  const system = useSyncExternalStore(
    (listener) => {
      darkness.addEventListener("change", listener);
      return () => darkness.removeEventListener("change", listener);
    },
    () => darkness.matches,
  );
  return theme === "auto" ? system : theme === "dark";
}
