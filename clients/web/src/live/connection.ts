/** One WebSocket that comes back when it is lost. Knows bytes and time-outs, nothing of what is shown. */
import { decode, encode } from "@msgpack/msgpack";

import type { ClientMessage, ServerMessage } from "../protocol";
import { backoff } from "./backoff";

export interface ConnectionEvents {
  onMessage: (message: ServerMessage) => void;
  onLost: () => void;
}

/** A connection attempt that takes longer is given up: a cut network answers nothing at all. */
const OPEN_TIMEOUT_MS = 2000;

export class LiveConnection {
  private socket: WebSocket | null = null;
  private attempt = 0;
  private timer: number | undefined;

  constructor(
    private readonly url: string,
    private readonly events: ConnectionEvents,
  ) {}

  open(): void {
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    const timeout = window.setTimeout(() => this.lose(socket), OPEN_TIMEOUT_MS);
    socket.addEventListener("open", () => {
      window.clearTimeout(timeout);
      this.attempt = 0;
    });
    socket.addEventListener("message", (event: MessageEvent<ArrayBuffer>) => {
      if (socket === this.socket) this.events.onMessage(decode(new Uint8Array(event.data)) as ServerMessage);
    });
    socket.addEventListener("close", () => {
      window.clearTimeout(timeout);
      this.lose(socket);
    });
    this.socket = socket;
  }

  send(message: ClientMessage): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(encode(message));
  }

  /** Ask at once instead of waiting, for example when the network is back. */
  hurry(): void {
    if (this.socket !== null) return;
    window.clearTimeout(this.timer);
    this.open();
  }

  private lose(socket: WebSocket): void {
    if (socket !== this.socket) return;
    this.socket = null;
    socket.close();
    this.events.onLost();
    this.timer = window.setTimeout(() => this.open(), backoff(this.attempt++, Math.random()));
  }
}
