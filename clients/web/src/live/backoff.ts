/** How long to wait before the n-th attempt (from 0) to connect again: quick at first, never long. */

const FIRST_MS = 100;
const MOST_MS = 500;

/** `dice` in [0, 1] spreads many browsers out, so that they do not all come back at the same moment. */
export function backoff(attempt: number, dice: number): number {
  return Math.min(MOST_MS, FIRST_MS * 2 ** attempt) * (1 + dice / 4);
}
