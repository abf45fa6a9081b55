/** Keys for what is done often; `?` lists them. */

export type Act = "pause" | "stop" | "restart" | "start" | "change" | "note" | "replay" | "arm" | "follow" | "control" | "live" | "freeze" | "help" | "older" | "newer" | "acknowledge";

export interface Shortcut {
  key: string;
  act: Act;
  text: string;
}

export const SHORTCUTS: readonly Shortcut[] = [
  { key: "p", act: "pause", text: "Pause or resume the reconstruction" },
  { key: "c", act: "change", text: "Change its parameters while it runs" },
  { key: "r", act: "restart", text: "Restart it, as it is or otherwise" },
  { key: "s", act: "stop", text: "Stop it" },
  { key: "a", act: "start", text: "Attach another reconstruction to this scan" },
  { key: "n", act: "note", text: "Write a note on this moment" },
  { key: "k", act: "acknowledge", text: "Acknowledge the first alarm" },
  { key: "o", act: "control", text: "Ask for control, or see who has it" },
  { key: "l", act: "live", text: "Back to the latest picture" },
  { key: "f", act: "freeze", text: "Hold the pictures still, or let them go on" },
  { key: "g", act: "follow", text: "Go to the latest scan and follow" },
  { key: "j", act: "older", text: "Look at the next older scan" },
  { key: "u", act: "newer", text: "Look at the next newer scan" },
  { key: "y", act: "replay", text: "Replay a file" },
  { key: "m", act: "arm", text: "Arm a scan by hand" },
  { key: "?", act: "help", text: "These keys" },
];

interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** The act of a key, unless it is typed into a field or meant for the browser. */
export function actOf(event: Pressed, typing: boolean): Act | null {
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return null;
  return SHORTCUTS.find((each) => each.key === event.key)?.act ?? null;
}
