/** Acts go through REST, in this browser's name; what comes of them arrives over the WebSocket like everybody else's. */
import { reason } from "../lib/reason";
import type { JsonSchema } from "../lib/schema";
import type { ReconstructionStatus, ScanStatus } from "../protocol";
import { random, viewerKey } from "./identity";

const API = new URL("api/v1/", document.baseURI);
/** A service that does not answer within this is not reachable. */
const REACHABLE_MS = 1000;

export interface Schemas {
  engines: Record<string, JsonSchema>;
  live: JsonSchema;
  positions: JsonSchema;
}

export interface EngineSpec {
  name: string;
  parameters?: Record<string, unknown>;
  iterations?: number;
}

export interface Geometry {
  energy_J: number;
  distance_m: number;
  detector_pixel_m: number;
  focus_distance_m?: number | null;
}

/** The fields of service/descriptions.py's ReconstructionSpec that the forms know. */
export interface ReconstructionSpec {
  engine?: EngineSpec | null;
  then?: EngineSpec[];
  live?: Record<string, unknown>;
  probe?: string | null;
  modes?: number | null;
  geometry?: Geometry | null;
  orientation?: { frames?: string; axes?: string; signs?: [number, number] } | null;
  crop?: number | null;
  binning?: number | null;
  positions?: Record<string, unknown> | null;
  label?: string;
}

export interface ReplayRequest {
  file: string;
  frame_delay_s: number;
  chunk: number;
  probe?: string;
  engine?: string;
}

export interface ReplayStatus {
  id: string;
  running: boolean;
  message: string;
}

export interface Replays {
  files: string[];
  replays: ReplayStatus[];
}

export type Verb = "pause" | "resume" | "stop" | "restart";
export type ControlAction = "ask" | "release" | "give" | "decline";

export function liveUrl(): string {
  const url = new URL("live", API);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.searchParams.set("viewer", viewerKey);
  return url.href;
}

/** Whether the service answers at all. */
export async function reachable(): Promise<boolean> {
  try {
    const init = { signal: AbortSignal.timeout(REACHABLE_MS), cache: "no-store" as const };
    return (await fetch(new URL("health", API), init)).ok;
  } catch {
    return false;
  }
}

let schemas: Promise<Schemas> | null = null;

/** The schemas, which do not change while a service runs: asked for once, and again after a failure. */
export function fetchSchemas(): Promise<Schemas> {
  schemas ??= request<Schemas>("GET", "engines").catch((error: unknown) => {
    schemas = null;
    throw error;
  });
  return schemas;
}

export const fetchPresets = (): Promise<Record<string, ReconstructionSpec>> => request("GET", "presets");
export const fetchReplays = (): Promise<Replays> => request("GET", "replays");
export const searchScans = (text: string): Promise<ScanStatus[]> =>
  request("GET", `scans?search=${encodeURIComponent(text)}`);

export const fetchReconstructions = (scan: string): Promise<ReconstructionStatus[]> =>
  request("GET", `scans/${encodeURIComponent(scan)}/reconstructions`);

/** What a reconstruction was asked to be, with what was changed since. */
export const fetchSpec = (reconstruction: string): Promise<ReconstructionSpec> =>
  request("GET", `reconstructions/${encodeURIComponent(reconstruction)}/spec`);

export const startReconstruction = (scan: string, spec: ReconstructionSpec): Promise<ReconstructionStatus> =>
  request("POST", `scans/${encodeURIComponent(scan)}/reconstructions`, spec);

export const act = (reconstruction: string, verb: Exclude<Verb, "restart">): Promise<ReconstructionStatus> =>
  request("POST", `reconstructions/${encodeURIComponent(reconstruction)}/${verb}`);

export const restart = (reconstruction: string, spec: ReconstructionSpec): Promise<ReconstructionStatus> =>
  request("POST", `reconstructions/${encodeURIComponent(reconstruction)}/restart`, spec);

export const change = (
  reconstruction: string,
  values: { parameters: Record<string, unknown>; live: Record<string, unknown> },
): Promise<ReconstructionStatus> => request("PATCH", `reconstructions/${encodeURIComponent(reconstruction)}`, values);

export const endScan = (scan: string, verb: "stop" | "abort"): Promise<ScanStatus> =>
  request("POST", `scans/${encodeURIComponent(scan)}/${verb}`);

export const arm = (key: string, reconstruction: ReconstructionSpec, metadata: Record<string, string>): Promise<ScanStatus> =>
  request("POST", "scans", { key, reconstruction, metadata });

export const startReplay = (replay: ReplayRequest): Promise<ReplayStatus> => request("POST", "replays", replay);

export const control = (action: ControlAction, to = ""): Promise<unknown> => request("POST", "control", { action, to });

export const acknowledge = (alarm: string): Promise<unknown> => request("POST", "alarms/acknowledge", { alarm });

export const note = (
  scan: string,
  text: string,
  at: { reconstruction?: string; iteration?: number },
): Promise<unknown> => request("POST", `scans/${encodeURIComponent(scan)}/notes`, { text, ...at });

/** Address of something to download. */
export function downloadUrl(reconstruction: string, what: string): string {
  return new URL(`reconstructions/${encodeURIComponent(reconstruction)}/${what}`, API).href;
}

async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  // A browser sends a request again on its own when a connection breaks before the answer: the service then knows it.
  const init: RequestInit = { method, headers: { "x-ptycholive-viewer": viewerKey, "x-ptycholive-act": random() } };
  if (body !== undefined) {
    init.headers = { ...init.headers, "content-type": "application/json" };
    init.body = JSON.stringify(body);
  }
  const response = await fetch(new URL(path, API), init);
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) throw new Error(reason(answer) ?? `${method} ${path}: ${response.status} ${response.statusText}`);
  return answer as T;
}
