/** Lines of the event log as a person reads them. */
import type { ScanEvent } from "../protocol";

export type EventTone = "alarm" | "person" | "quiet";

const ALARMING = new Set(["alarm", "failed", "refused", "cannot start", "another sender"]);
const PROCESSES = new Set(["sender", "ingest", "worker", "service"]);

export function eventTone({ author, event }: ScanEvent): EventTone {
  if (ALARMING.has(event)) return "alarm";
  return PROCESSES.has(author) ? "quiet" : "person";
}

/** What happened, in a few words. */
export function eventText({ event, details }: ScanEvent): string {
  const text = (name: string): string => (details[name] === undefined ? "" : String(details[name]));
  switch (event) {
    case "note":
      return text("text");
    case "alarm":
    case "alarm over":
    case "alarm acknowledged":
      return `${event}: ${text("text")}`;
    case "control":
      return controlText(details);
    case "changed":
      return `changed ${number(text("id"))}: ${values(details["parameters"], details["live"])}`;
    default:
      return [event, number(text("id")), text("engine"), text("message")].filter((part) => part !== "").join(" ");
  }
}

function controlText(details: Record<string, unknown>): string {
  const asking = Array.isArray(details["asking"]) ? details["asking"].map(String) : [];
  const holder = String(details["holder"] ?? "");
  const words = holder === "" ? "control is free" : `control is with ${holder}`;
  return asking.length === 0 ? words : `${words}; asked for by ${asking.join(", ")}`;
}

/** The last part of a reconstruction's id, which is enough within its scan. */
function number(id: string): string {
  return id === "" ? "" : `.${id.split(".").at(-1)}`;
}

function values(...parts: unknown[]): string {
  return parts
    .flatMap((part) => Object.entries((part ?? {}) as Record<string, unknown>))
    .map(([name, value]) => `${name} = ${String(value)}`)
    .join(", ");
}
