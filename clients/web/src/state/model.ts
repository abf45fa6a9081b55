/** Everything the page shows, in one place, and all that can happen to it. */
import type { ColormapName } from "../image/colormaps";
import type { Levels } from "../image/levels";
import type { FieldLook } from "../image/paint";
import type { Alarm, FieldName, Image, ReconstructionStatus, ScanEvent, ScanStatus, ServerMessage, ServiceStatus } from "../protocol";
import { LOOKING, type Looking, type ScanPoints } from "./looking";
import { EMPTY_TABLE, type Table } from "./table";

export type Connection = "connecting" | "open" | "lost";

export interface SeriesOf {
  metrics: Table;
  positions: Table;
}

/** The picture on the screen, without its pixels. */
export type Shown = Omit<Image, "layers" | "t" | "name"> & { name: FieldName };

export interface Notice {
  text: string;
  /** Tells two notices of the same text apart. */
  at: number;
}

export interface ViewSettings {
  look: FieldLook;
  colormaps: Record<FieldLook, ColormapName>;
  /** Levels that a person locked, for each look. */
  locked: Record<FieldLook, Levels | null>;
}

/** What a person is asked or told in a window of its own. */
export type DialogName = "start" | "change" | "restart" | "arm" | "replay" | "help" | "person" | "stop" | "abort";

/** The service itself, who has control of it, and what it says is wrong. */
export interface Operation {
  /** Public id of this browser. */
  viewer: string;
  /** What the person here is called. */
  person: string;
  service: ServiceStatus | null;
  alarms: Alarm[];
  /** The event log of the scan that is looked at. */
  events: { scan: string | null; list: ScanEvent[] };
  dialog: DialogName | null;
}

export interface State {
  connection: Connection;
  version: string;
  /** The service's clock minus this browser's, in ms. */
  offsetMs: number | null;
  scans: Record<string, ScanStatus>;
  reconstructions: Record<string, ReconstructionStatus>;
  series: Record<string, SeriesOf>;
  /** Always look at the newest live scan and its newest reconstruction. */
  follow: boolean;
  scan: string | null;
  reconstruction: string | null;
  shown: Record<FieldName, Shown | null>;
  views: Record<FieldName, ViewSettings>;
  /** The part of the object asked for at full resolution: (row, col, height, width). */
  crop: [number, number, number, number] | null;
  showPositions: boolean;
  looking: Looking;
  points: ScanPoints | null;
  notice: Notice | null;
  operation: Operation;
}

export type Action =
  | { type: "connection"; connection: Connection }
  | { type: "received"; message: ServerMessage; offsetMs: number | null }
  | { type: "started"; reconstruction: ReconstructionStatus }
  | { type: "shown"; shown: Shown }
  | { type: "follow"; follow: boolean }
  | { type: "select"; scan: string; reconstruction: string | null }
  | { type: "view"; name: FieldName; settings: Partial<ViewSettings> }
  | { type: "crop"; crop: State["crop"] }
  | { type: "showPositions"; show: boolean }
  | { type: "look"; change: Partial<Looking> }
  | { type: "notice"; notice: Notice | null }
  | { type: "found"; scans: ScanStatus[]; reconstructions: ReconstructionStatus[] }
  | { type: "person"; name: string }
  | { type: "dialog"; dialog: DialogName | null };

export const NO_SERIES: SeriesOf = { metrics: EMPTY_TABLE, positions: EMPTY_TABLE };

const UNLOCKED: ViewSettings["locked"] = { phase: null, amplitude: null, complex: null };

export const INITIAL: State = {
  connection: "connecting",
  version: "",
  offsetMs: null,
  scans: {},
  reconstructions: {},
  series: {},
  follow: true,
  scan: null,
  reconstruction: null,
  shown: { object: null, probe: null },
  views: {
    object: { look: "phase", colormaps: { phase: "viridis", amplitude: "greys", complex: "wheel" }, locked: UNLOCKED },
    probe: { look: "complex", colormaps: { phase: "wheel", amplitude: "inferno", complex: "wheel" }, locked: UNLOCKED },
  },
  crop: null,
  showPositions: false,
  looking: LOOKING,
  points: null,
  notice: null,
  operation: { viewer: "", person: "", service: null, alarms: [], events: { scan: null, list: [] }, dialog: null },
};
