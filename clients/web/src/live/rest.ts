/** Actions go through REST; answers arrive over the WebSocket like everybody else's. */
import { reason } from "../lib/reason";
import type { ReconstructionStatus } from "../protocol";

const API = new URL("api/v1/", document.baseURI);

export interface EngineInfo {
  title: string;
  description: string;
  schema: unknown;
}

export type Verb = "pause" | "resume" | "stop" | "restart";

export function liveUrl(): string {
  const url = new URL("live", API);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

export async function fetchEngines(): Promise<Record<string, EngineInfo>> {
  const answer = (await request("GET", "engines")) as { engines: Record<string, EngineInfo> };
  return answer.engines;
}

export async function startReconstruction(scan: string, engine: string): Promise<ReconstructionStatus> {
  const body = { engine: { name: engine, parameters: {} } };
  return (await request("POST", `scans/${encodeURIComponent(scan)}/reconstructions`, body)) as ReconstructionStatus;
}

export async function act(reconstruction: string, verb: Verb): Promise<ReconstructionStatus> {
  const path = `reconstructions/${encodeURIComponent(reconstruction)}/${verb}`;
  return (await request("POST", path, verb === "restart" ? {} : undefined)) as ReconstructionStatus;
}

/** Address of something to download. */
export function downloadUrl(reconstruction: string, what: string): string {
  return new URL(`reconstructions/${encodeURIComponent(reconstruction)}/${what}`, API).href;
}

async function request(method: string, path: string, body?: unknown): Promise<unknown> {
  const init: RequestInit = { method };
  if (body !== undefined) {
    init.headers = { "content-type": "application/json" };
    init.body = JSON.stringify(body);
  }
  const response = await fetch(new URL(path, API), init);
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) throw new Error(reason(answer) ?? `${method} ${path}: ${response.status} ${response.statusText}`);
  return answer;
}
