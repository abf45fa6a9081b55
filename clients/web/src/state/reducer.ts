/** From one state to the next: pure, so that every turn of it can be tested. */
import type { Hello, ReconstructionStatus, ScanStatus, Series, ServerMessage } from "../protocol";
import { readPoints, turnTo } from "./looking";
import { NO_SERIES, type Action, type SeriesOf, type State } from "./model";
import { greetOperation, operate, watchEvents } from "./operation";
import { settleSelection } from "./select";
import { append } from "./table";

export function reduce(state: State, action: Action): State {
  return turnTo(state, watchEvents(turn(state, action)));
}

function turn(state: State, action: Action): State {
  switch (action.type) {
    case "connection":
      return { ...state, connection: action.connection };
    case "received":
      return receive({ ...state, offsetMs: action.offsetMs }, action.message);
    case "started":
      return start(state, action.reconstruction);
    case "shown":
      return action.shown.reconstruction === state.reconstruction
        ? { ...state, shown: { ...state.shown, [action.shown.name]: action.shown } }
        : state;
    case "follow":
      return settleSelection({ ...state, follow: action.follow });
    case "select":
      return select(state, action.scan, action.reconstruction);
    case "view": {
      const settings = { ...state.views[action.name], ...action.settings };
      return { ...state, views: { ...state.views, [action.name]: settings } };
    }
    case "crop":
      return { ...state, crop: action.crop };
    case "showPositions":
      return { ...state, showPositions: action.show };
    case "look":
      return { ...state, looking: { ...state.looking, ...action.change } };
    case "notice":
      return { ...state, notice: action.notice };
    case "found":
      return settleSelection(find(state, action.scans, action.reconstructions));
    case "person":
      return { ...state, operation: { ...state.operation, person: action.name } };
    case "dialog":
      return { ...state, operation: { ...state.operation, dialog: action.dialog } };
  }
}

/** What one has just started is what one wants to see. */
function start(state: State, reconstruction: ReconstructionStatus): State {
  const reconstructions = { ...state.reconstructions, [reconstruction.id]: reconstruction };
  const next = { ...state, reconstructions };
  return state.follow ? settleSelection(next) : select(next, reconstruction.scan, reconstruction.id);
}

/** A person's own choice ends the following. */
function select(state: State, scan: string, reconstruction: string | null): State {
  const shown = reconstruction === state.reconstruction ? state.shown : { object: null, probe: null };
  return settleSelection({ ...state, follow: false, scan, reconstruction, shown, crop: null });
}

function receive(state: State, message: ServerMessage): State {
  switch (message.t) {
    case "hello":
      return settleSelection(greet(state, message));
    case "scan":
      return settleSelection({ ...state, scans: { ...state.scans, [message.scan.id]: message.scan } });
    case "reconstruction": {
      const { reconstruction } = message;
      const reconstructions = { ...state.reconstructions, [reconstruction.id]: reconstruction };
      return settleSelection({ ...state, reconstructions });
    }
    case "metrics":
    case "positions":
      return grow(state, message);
    case "problem":
      return { ...state, notice: { text: message.message, at: Date.now() } };
    case "service":
    case "events":
      return { ...state, operation: operate(state.operation, message) };
    case "points":
      return message.reconstruction === state.reconstruction ? { ...state, points: readPoints(message) } : state;
    case "image":
      return state; // its pixels go to the painter; what was painted comes back as "shown"
  }
}

/** What was looked for beyond what the page knows; what it knows is newer. */
function find(state: State, scans: ScanStatus[], reconstructions: ReconstructionStatus[]): State {
  return {
    ...state,
    scans: { ...Object.fromEntries(scans.map((s) => [s.id, s])), ...state.scans },
    reconstructions: { ...Object.fromEntries(reconstructions.map((r) => [r.id, r])), ...state.reconstructions },
  };
}

/** The service's list is the truth: what it does not know, or has less of, is forgotten here. */
function greet(state: State, hello: Hello): State {
  const scans = Object.fromEntries(hello.scans.map((s) => [s.id, s]));
  const reconstructions = Object.fromEntries(hello.reconstructions.map((r) => [r.id, r]));
  const series: Record<string, SeriesOf> = {};
  for (const [id, own] of Object.entries(state.series)) {
    const status = reconstructions[id];
    if (status !== undefined && status.metrics >= own.metrics.rows) series[id] = own;
  }
  const operation = greetOperation(state.operation, hello);
  return { ...state, connection: "open", version: hello.version, scans, reconstructions, series, operation };
}

function grow(state: State, message: Series): State {
  const own = state.series[message.reconstruction] ?? NO_SERIES;
  const table = append(own[message.t], message.start, message.columns, message.data);
  if (table === own[message.t]) return state;
  return { ...state, series: { ...state.series, [message.reconstruction]: { ...own, [message.t]: table } } };
}
