import { useEffect, useState } from "react";

/** Follows a number that changes often, but not more often than every so many ms. */
export function useRefresh(current: number, everyMs: number): number {
  const [shown, setShown] = useState({ value: current, at: 0 });
  useEffect(() => {
    if (current === shown.value) return;
    const wait = Math.max(0, shown.at + everyMs - performance.now());
    const timer = window.setTimeout(() => setShown({ value: current, at: performance.now() }), wait);
    return () => window.clearTimeout(timer);
  }, [current, shown, everyMs]);
  return shown.value;
}
