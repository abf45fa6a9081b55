import { encode } from "@msgpack/msgpack";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Lines, type LineNews } from "../src/image/lines";
import type { ServerMessage } from "../src/protocol";
import { image, layer, series } from "./make";

type Listener = (event: { data?: ArrayBuffer }) => void;

class FakeSocket {
  static readonly OPEN = 1;
  static last: FakeSocket;
  readyState = 0;
  binaryType = "";
  sent: Uint8Array[] = [];
  closed = false;
  private readonly listeners = new Map<string, Listener>();

  constructor(readonly url: string) {
    FakeSocket.last = this;
  }

  addEventListener(type: string, listener: Listener): void {
    this.listeners.set(type, listener);
  }

  send(bytes: Uint8Array): void {
    this.sent.push(bytes);
  }

  close(): void {
    this.closed = true;
  }

  happen(type: string, message?: ServerMessage): void {
    if (type === "open") this.readyState = FakeSocket.OPEN;
    this.listeners.get(type)?.(message === undefined ? {} : { data: encode(message).slice().buffer });
  }
}

function opened(): { lines: Lines; news: LineNews[]; transfers: Transferable[][]; socket: FakeSocket } {
  const news: LineNews[] = [];
  const transfers: Transferable[][] = [];
  const lines = new Lines((each, transfer) => {
    news.push(each);
    transfers.push(transfer);
  });
  lines.obey({ line: 7, kind: "open", url: "ws://here/live" });
  FakeSocket.last.happen("open");
  return { lines, news, transfers, socket: FakeSocket.last };
}

beforeEach(() => vi.stubGlobal("WebSocket", FakeSocket));
afterEach(() => vi.unstubAllGlobals());

describe("a line to the service", () => {
  it("opens, says what it is told to, and closes", () => {
    const { lines, news, socket } = opened();
    lines.obey({ line: 7, kind: "send", bytes: Uint8Array.from([1, 2]) });
    lines.obey({ line: 8, kind: "send", bytes: Uint8Array.from([3]) });
    expect([socket.url, socket.sent.map((bytes) => [...bytes])]).toEqual(["ws://here/live", [[1, 2]]]);
    lines.obey({ line: 7, kind: "close" });
    socket.happen("close");
    expect([socket.closed, news.map((each) => each.kind)]).toEqual([true, ["opened", "closed"]]);
  });

  it("passes pictures on without their pixels, which it gives away once", () => {
    const { lines, news, socket } = opened();
    socket.happen("message", image([1, 1, 2], [layer("phase", [1, 2], 0, 1)]));
    const heard = news[1];
    if (heard?.kind !== "message" || heard.message.t !== "image" || !("token" in heard.message)) throw new Error("no image");
    expect(heard.message.layers[0]).toMatchObject({ quantity: "phase", low: 0, high: 1, data: new Uint8Array(0) });
    const kept = lines.collect(heard.message.token);
    expect(kept?.layers[0]?.data).toHaveLength(4);
    expect(lines.collect(heard.message.token)).toBeUndefined();
  });

  it("holds only the latest picture of each name", () => {
    const { lines, socket } = opened();
    for (const snapshot of [1, 2]) socket.happen("message", image([1, 1, 1], [layer("phase", [1], 0, 1)], { snapshot }));
    expect(lines.collect(1)).toBeUndefined();
    expect(lines.collect(2)?.snapshot).toBe(2);
  });

  it("passes everything else on as it is", () => {
    const { news, transfers, socket } = opened();
    const rows = series(0, ["iteration"], [[1], [2]]);
    socket.happen("message", rows);
    expect(news[1]).toMatchObject({ line: 7, kind: "message", message: { t: "metrics", start: 0 } });
    expect(transfers[1]).toHaveLength(1);
  });
});
