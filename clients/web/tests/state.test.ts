import { describe, expect, it } from "vitest";

import { imageRequests, isWanted, subscription } from "../src/live/subscription";
import type { Alarm, Events, ScanEvent, ServerMessage } from "../src/protocol";
import { alarms } from "../src/state/alarms";
import { hindrance } from "../src/state/allowed";
import { hasControl, observing } from "../src/state/operation";
import { INITIAL, type Action, type Shown, type State } from "../src/state/model";
import { reduce } from "../src/state/reducer";
import { alarm, hello, image, layer, reconstruction, scan, SECOND, series, service, T0 } from "./make";

const COLUMNS = ["iteration", "error"];

function after(state: State, ...messages: ServerMessage[]): State {
  return messages.reduce((s, message) => reduce(s, { type: "received", message, offsetMs: 0 }), state);
}

function doing(state: State, ...actions: Action[]): State {
  return actions.reduce(reduce, state);
}

const live = after(INITIAL, hello([scan()], [reconstruction()]));

describe("following", () => {
  it("looks at the newest live scan, though a newer one is over", () => {
    const over = scan({ id: "s2", state: "ended", created_ns: T0 + SECOND });
    expect(after(INITIAL, hello([scan(), over], [reconstruction()]))).toMatchObject({ scan: "s1", reconstruction: "s1.1" });
  });

  it("begins with the newest that has frames, not with one that was only armed", () => {
    const armed = scan({ id: "s2", state: "aborted", created_ns: T0 + SECOND });
    const over = scan({ state: "ended", received: 10 });
    expect(after(INITIAL, hello([over, armed], [])).scan).toBe("s1");
    expect(after(INITIAL, hello([armed], [])).scan).toBe("s2");
  });

  it("goes to a scan that begins, and forgets the old picture", () => {
    const shown = doing(live, { type: "shown", shown: image([1, 1, 1], []) as Shown });
    expect(shown.shown.object).not.toBeNull();
    const next = after(shown, { t: "scan", now_ns: T0, scan: scan({ id: "s2", created_ns: T0 + SECOND }) });
    expect(next).toMatchObject({ scan: "s2", reconstruction: null, shown: { object: null } });
  });

  it("goes to the reconstruction that a restart made", () => {
    const restarted = reconstruction({ id: "s1.2", created_ns: T0 + SECOND });
    expect(doing(live, { type: "started", reconstruction: restarted }).reconstruction).toBe("s1.2");
  });

  it("stays where it is when the last one ends", () => {
    const stopped = reconstruction({ id: "s1.2", state: "stopped", created_ns: T0 + SECOND });
    const finished = reconstruction({ state: "finished" });
    const state = after(
      live,
      { t: "reconstruction", now_ns: T0, reconstruction: stopped },
      { t: "reconstruction", now_ns: T0, reconstruction: finished },
      { t: "scan", now_ns: T0, scan: scan({ state: "ended" }) },
    );
    expect(state).toMatchObject({ scan: "s1", reconstruction: "s1.1" });
  });

  it("ends with a person's own choice, until asked for again", () => {
    const older = scan({ id: "s0", state: "ended", created_ns: T0 - SECOND });
    const two = after(live, { t: "scan", now_ns: T0, scan: older });
    const chosen = doing(two, { type: "select", scan: "s0", reconstruction: null });
    expect(chosen).toMatchObject({ scan: "s0", follow: false });
    const newer = after(chosen, { t: "scan", now_ns: T0, scan: scan({ id: "s2", created_ns: T0 + SECOND }) });
    expect(newer.scan).toBe("s0");
    expect(doing(newer, { type: "follow", follow: true }).scan).toBe("s2");
  });
});

describe("connecting again", () => {
  const known = after(live, series(0, COLUMNS, [[1, 0.5], [2, 0.4]]));

  it("asks only for the rows that are missing", () => {
    const again = after(known, hello([scan()], [reconstruction({ metrics: 5 })]));
    expect(subscription(again)).toMatchObject({ reconstruction: "s1.1", metrics_from: 2 });
  });

  it("starts anew where the service has fewer rows, or no such reconstruction", () => {
    expect(subscription(after(known, hello([scan()], [reconstruction({ metrics: 1 })])))?.metrics_from).toBe(0);
    const other = after(known, hello([scan({ id: "s9" })], [reconstruction({ id: "s9.1", scan: "s9" })]));
    expect(other.series).toEqual({});
    expect(subscription(other)).toMatchObject({ reconstruction: "s9.1", metrics_from: 0 });
  });

  it("has nothing to ask for where there is nothing", () => {
    expect(subscription(after(known, hello([], [])))).toBeNull();
  });
});

describe("images", () => {
  it("are asked for with the layers that the look needs", () => {
    expect(imageRequests(live)[0]).toMatchObject({ name: "object", quantities: ["phase"] });
    const complex = doing(live, { type: "view", name: "object", settings: { look: "complex" } });
    expect(imageRequests(complex)[0]?.quantities).toEqual(["phase", "amplitude"]);
  });

  it("that an earlier wish brought are not credited", () => {
    const phase = image([1, 1, 1], [layer("phase", [1], 0, 1)]);
    expect(isWanted(phase, live)).toBe(true);
    expect(isWanted({ ...phase, reconstruction: "s0.1" }, live)).toBe(false);
    expect(isWanted(phase, doing(live, { type: "view", name: "object", settings: { look: "amplitude" } }))).toBe(false);
  });
});

function codes(state: State, nowNs = T0): string[] {
  return alarms(state, nowNs / 1e6).map((a) => a.code);
}

function warned(...found: Alarm[]): State {
  return after(live, { t: "service", now_ns: T0, service: service(), alarms: found });
}

describe("alarms", () => {
  it("are none while all is well", () => expect(codes(live)).toEqual([]));

  it("are the service's, of what is looked at and of the service itself", () => {
    const elsewhere = alarm({ id: "s9/lost", scan: "s9" });
    expect(codes(warned(alarm(), alarm({ id: "disk", code: "disk", scan: "" }), elsewhere))).toEqual(["lost", "disk"]);
  });

  it("tell what is badly wrong with another scan, until somebody has seen it", () => {
    const elsewhere = alarm({ id: "s9/lost", scan: "s9", severity: "alarm" });
    expect(codes(warned(elsewhere))).toEqual(["lost"]);
    expect(codes(warned({ ...elsewhere, acknowledged_by: "Anna" }))).toEqual([]);
  });

  it("begin with a connection that is lost", () => {
    expect(codes(doing(warned(alarm()), { type: "connection", connection: "lost" }))).toEqual(["disconnected", "lost"]);
  });

  it("tell an old picture of a running scan", () => {
    const shown = doing(live, { type: "shown", shown: image([1, 1, 1], []) as Shown });
    expect(codes(shown, T0 + 4 * SECOND)).toEqual([]);
    expect(codes(shown, T0 + 6 * SECOND)).toEqual(["stale"]);
  });
});

const held = (holder: string): State => {
  const control = { holder, name: "Anna", since_ns: T0, asking: [] };
  return after(live, { t: "service", now_ns: T0, service: service({ control }), alarms: [] });
};

describe("control", () => {
  it("is anybody's while it is free, and then the holder's alone", () => {
    expect(observing(held(""))).toBeNull();
    expect(observing(held("me"))).toBeNull();
    expect(observing(held("other"))).toMatch(/Anna/);
    expect([hasControl(held("").operation), hasControl(held("me").operation)]).toEqual([false, true]);
  });

  it("is nobody's without a connection", () => {
    expect(observing(doing(held("me"), { type: "connection", connection: "lost" }))).toMatch(/no connection/);
  });
});

const event = (name: string): ScanEvent => ({ ts_ns: T0, author: "worker", event: name, details: {} });
const events = (start: number, ...names: string[]): Events => ({ t: "events", scan: "s1", start, events: names.map(event) });
const names = (state: State): string[] => state.operation.events.list.map((each) => each.event);

describe("the event log", () => {
  it("grows, takes nothing twice, and nothing after a gap", () => {
    const two = after(live, events(0, "start", "started"));
    expect(names(after(two, events(1, "started", "note")))).toEqual(["start", "started", "note"]);
    expect(names(after(two, events(3, "note")))).toEqual(["start", "started"]);
  });

  it("is that of the scan that is looked at", () => {
    const two = after(live, events(0, "start"), { t: "scan", now_ns: T0, scan: scan({ id: "s0", created_ns: T0 - SECOND }) });
    const other = doing(two, { type: "select", scan: "s0", reconstruction: null });
    expect(other.operation.events).toEqual({ scan: "s0", list: [] });
    expect(names(after(other, events(0, "start")))).toEqual([]);
  });
});

describe("acts", () => {
  it.each([
    ["pause", "running", true],
    ["pause", "paused", false],
    ["resume", "paused", true],
    ["resume", "running", false],
    ["stop", "waiting", true],
    ["stop", "finished", false],
    ["restart", "failed", true],
  ] as const)("%s of one that is %s: %s", (verb, state, possible) => {
    expect(hindrance(verb, reconstruction({ state })) === null).toBe(possible);
  });

  it("need a reconstruction", () => expect(hindrance("restart", null)).not.toBeNull());
});
