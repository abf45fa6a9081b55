/** A network that was cut says nothing: not even that it was cut. What to do about silence, by how long it lasts. */

/** The service speaks once a second; after this it is asked by another way. */
const ASK_AFTER_MS = 2000;
/** If that way is open the connection may only be slow, but not for ever. */
const GIVE_UP_MS = 30_000;

export function onSilence(silentMs: number): "wait" | "ask" | "lose" {
  if (silentMs < ASK_AFTER_MS) return "wait";
  return silentMs < GIVE_UP_MS ? "ask" : "lose";
}
