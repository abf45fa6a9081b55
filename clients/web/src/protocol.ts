/**
 * Browser protocol, version 1: the twin of service/browser.py and service/statuses.py, where each field's meaning and
 * unit is written. tests/web/test_protocol_twin.py holds them against each other. It reads this file line by line: one
 * field a line, every union and list on one line, and a `?` only on what a client may leave out.
 */

export const PROTOCOL_VERSION = 1;
export const MAX_IMAGE_PX = 1024;
export const METRIC_COLUMNS = ["iteration", "frames", "error", "r_factor", "seconds"] as const;
export const POSITION_COLUMNS = ["index", "row", "col"] as const;
export const POINT_COLUMNS = ["index", "state", "row_m", "col_m", "refined_row_m", "refined_col_m", "intensity", "error"] as const;
export const POINT_STATES = ["planned", "frame only", "position only", "paired", "used", "outside", "no beam", "unreadable"] as const;

export const SCAN_STATES = ["armed", "receiving", "stalled", "ended", "aborted"] as const;
export const SCAN_OVER = ["ended", "aborted"] as const;
export const RECONSTRUCTION_STATES = ["waiting", "running", "paused", "finishing", "finished", "stopped", "failed", "refused"] as const;
export const RECONSTRUCTION_OVER = ["finished", "stopped", "failed", "refused"] as const;

export type ScanState = (typeof SCAN_STATES)[number];
export type ReconstructionState = (typeof RECONSTRUCTION_STATES)[number];
export type ImageName = "object" | "probe" | "latest" | "summed";
export type FieldName = "object" | "probe";
export type CreditName = "object" | "probe" | "latest" | "summed" | "points";
export type Quantity = "phase" | "amplitude" | "counts" | "saturated";
export type FieldPart = "phase" | "amplitude";
export type Bits = 8 | 16;

// ---- client to server

export interface ImageRequest {
  name: ImageName;
  quantities?: FieldPart[];
  bits?: Bits;
  max_px?: number;
  crop?: [number, number, number, number] | null;
  flat?: boolean;
  distance_m?: number;
}

export interface Subscribe {
  t: "subscribe";
  reconstruction: string;
  metrics_from?: number;
  positions_from?: number;
  images?: ImageRequest[];
  points?: boolean;
  max_hz?: number;
}

export interface Unsubscribe {
  t: "unsubscribe";
  reconstruction: string;
}

export interface Credit {
  t: "credit";
  reconstruction: string;
  name: CreditName;
}

export interface Introduce {
  t: "introduce";
  name?: string;
}

export interface Watch {
  t: "watch";
  scan: string;
  events_from?: number;
}

export interface Beat {
  t: "beat";
}

export type ClientMessage = Subscribe | Unsubscribe | Credit | Introduce | Watch | Beat;

// ---- server to client

export interface Asker {
  viewer: string;
  name: string;
  asked_ns: number;
}

export interface Control {
  holder: string;
  name: string;
  since_ns: number;
  asking: Asker[];
}

export interface ServiceStatus {
  ingest: boolean;
  worker: boolean;
  device: string;
  memory_bytes: number;
  memory_free_bytes: number;
  disk_bytes: number;
  disk_free_bytes: number;
  disk_left_s: number | null;
  viewers: number;
  control: Control;
}

export interface Alarm {
  id: string;
  code: string;
  severity: "alarm" | "warning";
  scan: string;
  reconstruction: string;
  text: string;
  meaning: string;
  advice: string;
  since_ns: number;
  acknowledged_by: string;
  acknowledged_ns: number;
}

export interface ScanEvent {
  ts_ns: number;
  author: string;
  event: string;
  details: Record<string, unknown>;
}

export interface ScanStatus {
  id: string;
  key: string;
  state: ScanState;
  message: string;
  created_ns: number;
  planned: number | null;
  received: number;
  positions: number;
  paired: number;
  lost: number;
  duplicated: number;
  refused: number;
  frame_rate_hz: number;
  newest_ns: number;
  frame_shape: [number, number] | null;
  metadata: Record<string, string | number | boolean>;
  reconstructions: string[];
}

export interface ReconstructionStatus {
  id: string;
  scan: string;
  label: string;
  state: ReconstructionState;
  message: string;
  created_ns: number;
  engine: string;
  parameters: Record<string, unknown>;
  live: Record<string, unknown>;
  modes: number;
  probe: string;
  restarted_from: string | null;
  chain: string;
  iteration: number;
  total_iterations: number | null;
  frames: number;
  lag: number;
  outside: number;
  without_beam: number;
  without_beam_at: [number, number][];
  iteration_rate_hz: number;
  frame_rate_hz: number;
  error: number | null;
  metrics: number;
  snapshot: number;
  moments: number;
  memory_bytes: number;
  device: string;
  object_shape: [number, number] | null;
  pixel_m: number | null;
  probe_shape: [number, number, number] | null;
  result: string | null;
  finite: boolean;
  counts_newest: number | null;
  counts_usual: number | null;
  saturated_px: number;
  overlap: number | null;
}

export interface Hello {
  t: "hello";
  protocol: number;
  version: string;
  now_ns: number;
  scans: ScanStatus[];
  reconstructions: ReconstructionStatus[];
  viewer: string;
  service: ServiceStatus;
  alarms: Alarm[];
}

export interface ServiceUpdate {
  t: "service";
  now_ns: number;
  service: ServiceStatus;
  alarms: Alarm[];
}

export interface Events {
  t: "events";
  scan: string;
  start: number;
  events: ScanEvent[];
}

export interface ScanUpdate {
  t: "scan";
  now_ns: number;
  scan: ScanStatus;
}

export interface ReconstructionUpdate {
  t: "reconstruction";
  now_ns: number;
  reconstruction: ReconstructionStatus;
}

export interface Series {
  t: "metrics" | "positions";
  reconstruction: string;
  start: number;
  columns: string[];
  data: Uint8Array;
}

export interface Histogram {
  low: number;
  high: number;
  auto_low: number;
  auto_high: number;
  counts: number[];
}

export interface Layer {
  quantity: Quantity;
  bits: Bits;
  low: number;
  high: number;
  histogram: Histogram | null;
  data: Uint8Array;
}

export interface Image {
  t: "image";
  reconstruction: string;
  name: ImageName;
  snapshot: number;
  iteration: number;
  frames: number;
  newest_index: number;
  data_ns: number;
  now_ns: number;
  shape: [number, number, number];
  origin: [number, number];
  step: number;
  full_shape: [number, number];
  pixel_m: number;
  origin_m: [number, number];
  ramp: [number, number];
  distance_m: number;
  powers: number[];
  layers: Layer[];
}

export interface Points {
  t: "points";
  reconstruction: string;
  number: number;
  now_ns: number;
  columns: string[];
  data: Uint8Array;
}

export interface Moment {
  iteration: number;
  frames: number;
  data_ns: number;
}

export interface ProbeFocus {
  iteration: number;
  defocus_m: number;
  fwhm_m: [number, number];
  reach_m: number;
  inside: boolean;
  photons: number;
}

export interface Problem {
  t: "problem";
  message: string;
}

export type ServerMessage = Hello | ScanUpdate | ReconstructionUpdate | Series | Image | Points | Problem | ServiceUpdate | Events;
