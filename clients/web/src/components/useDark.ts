import { useSyncExternalStore } from "react";

const darkness = window.matchMedia("(prefers-color-scheme: dark)");

/** Whether the page is dark: for what draws its own colours and must be made anew when that changes. */
export function useDark(): boolean {
  return useSyncExternalStore(
    (listener) => {
      darkness.addEventListener("change", listener);
      return () => darkness.removeEventListener("change", listener);
    },
    () => darkness.matches,
  );
}
