/** Statuses and messages with everything in them, of which a test says only what it is about. */
import type { Alarm, Hello, Image, Layer, ReconstructionStatus, ScanStatus, Series, ServiceStatus } from "../src/protocol";

export const SECOND = 1e9;
export const T0 = 1_700_000_000 * SECOND;

export function scan(fields: Partial<ScanStatus> = {}): ScanStatus {
  return {
    id: "s1",
    key: "104233",
    state: "receiving",
    message: "",
    created_ns: T0,
    planned: 315,
    received: 0,
    positions: 0,
    paired: 0,
    lost: 0,
    duplicated: 0,
    refused: 0,
    frame_rate_hz: 0,
    newest_ns: 0,
    frame_shape: [256, 256],
    metadata: {},
    reconstructions: [],
    ...fields,
  };
}

export function reconstruction(fields: Partial<ReconstructionStatus> = {}): ReconstructionStatus {
  return {
    id: "s1.1",
    scan: "s1",
    label: "",
    state: "running",
    message: "",
    created_ns: T0,
    engine: "rpie",
    parameters: {},
    live: {},
    modes: 1,
    probe: "",
    restarted_from: null,
    chain: "",
    iteration: 0,
    total_iterations: null,
    frames: 0,
    lag: 0,
    outside: 0,
    without_beam: 0,
    without_beam_at: [],
    iteration_rate_hz: 0,
    frame_rate_hz: 0,
    error: null,
    metrics: 0,
    snapshot: 0,
    moments: 0,
    memory_bytes: 0,
    device: "cpu",
    object_shape: null,
    pixel_m: null,
    probe_shape: null,
    result: null,
    finite: true,
    counts_newest: null,
    counts_usual: null,
    saturated_px: 0,
    overlap: null,
    ...fields,
  };
}

export function service(fields: Partial<ServiceStatus> = {}): ServiceStatus {
  return {
    ingest: true,
    worker: true,
    device: "CPU",
    memory_bytes: 16e9,
    memory_free_bytes: 8e9,
    disk_bytes: 1e12,
    disk_free_bytes: 5e11,
    disk_left_s: null,
    viewers: 1,
    control: { holder: "", name: "", since_ns: 0, asking: [] },
    ...fields,
  };
}

export function alarm(fields: Partial<Alarm> = {}): Alarm {
  return {
    id: "s1/lost",
    code: "lost",
    severity: "warning",
    scan: "s1",
    reconstruction: "",
    text: "3 frames lost",
    meaning: "They never came.",
    advice: "Look at the detector.",
    since_ns: T0,
    acknowledged_by: "",
    acknowledged_ns: 0,
    ...fields,
  };
}

export function hello(scans: ScanStatus[], reconstructions: ReconstructionStatus[], fields: Partial<Hello> = {}): Hello {
  const message = { t: "hello" as const, protocol: 1, version: "0.1.0", now_ns: T0, scans, reconstructions };
  return { ...message, viewer: "me", service: service(), alarms: [], ...fields };
}

/** Rows of numbers as they travel, at an odd byte of a larger buffer as msgpack gives them. */
export function series(start: number, columns: string[], rows: number[][]): Series {
  const flat = Float64Array.from(rows.flat());
  const message = new Uint8Array(flat.byteLength + 3);
  message.set(new Uint8Array(flat.buffer), 3);
  return { t: "metrics", reconstruction: "s1.1", start, columns, data: message.subarray(3) };
}

export function layer(quantity: Layer["quantity"], codes: number[], low: number, high: number): Layer {
  const message = new Uint8Array(2 * codes.length + 1);
  message.set(new Uint8Array(Uint16Array.from(codes).buffer), 1);
  return { quantity, bits: 16, low, high, histogram: null, data: message.subarray(1) };
}

export function image(shape: Image["shape"], layers: Layer[], fields: Partial<Image> = {}): Image {
  return {
    t: "image",
    reconstruction: "s1.1",
    name: "object",
    snapshot: 1,
    iteration: 1,
    frames: 25,
    newest_index: 24,
    data_ns: T0,
    now_ns: T0,
    shape,
    origin: [0, 0],
    step: 1,
    full_shape: [shape[1], shape[2]],
    pixel_m: 2e-8,
    origin_m: [0, 0],
    ramp: [0, 0],
    distance_m: 0,
    powers: [],
    layers,
    ...fields,
  };
}
