/** One WebSocket that comes back when it is lost. Knows bytes and time-outs, nothing of what is shown. */
import { encode } from "@msgpack/msgpack";

import type { ClientMessage, ServerMessage } from "../protocol";
import { backoff } from "./backoff";
import { onSilence } from "./silence";
import { openSocket, type Socket } from "./socket";

export interface ConnectionEvents {
  /** Whether the service answers by another way than the connection. */
  reachable: () => Promise<boolean>;
  onMessage: (message: ServerMessage) => void;
  onLost: () => void;
}

/** A connection attempt that takes longer is given up. After many failures Chromium itself holds one back for 5 s. */
const OPEN_TIMEOUT_MS = 8000;
const LOOK_MS = 250;

export class LiveConnection {
  private socket: Socket | null = null;
  private attempt = 0;
  private timer: number | undefined;
  private heardAt = 0;
  private asking = false;

  constructor(
    private readonly url: string,
    private readonly events: ConnectionEvents,
  ) {}

  /** Connect, and from now on come back whenever the connection is lost. */
  start(): void {
    window.setInterval(() => this.listen(), LOOK_MS);
    this.open();
  }

  private open(): void {
    const socket = openSocket(this.url, {
      onOpen: () => {
        window.clearTimeout(timeout);
        this.attempt = 0;
        this.heardAt = performance.now();
      },
      onMessage: (message) => {
        this.heardAt = performance.now();
        this.events.onMessage(message);
      },
      onClose: () => {
        window.clearTimeout(timeout);
        this.lose(socket);
      },
    });
    const timeout = window.setTimeout(() => this.lose(socket), OPEN_TIMEOUT_MS);
    this.socket = socket;
  }

  send(message: ClientMessage): void {
    if (this.socket?.isOpen === true) this.socket.send(encode(message));
  }

  /** Ask at once instead of waiting, for example when the network is back. */
  hurry(): void {
    if (this.socket !== null) return;
    window.clearTimeout(this.timer);
    this.open();
  }

  /** Find out whether silence means that the network was cut. */
  private listen(): void {
    const socket = this.socket;
    if (socket?.isOpen !== true || this.asking) return;
    const verdict = onSilence(performance.now() - this.heardAt);
    if (verdict === "lose") this.lose(socket);
    if (verdict !== "ask") return;
    this.asking = true;
    void this.events.reachable().then((answers) => {
      this.asking = false;
      if (!answers && onSilence(performance.now() - this.heardAt) !== "wait") this.lose(socket);
    });
  }

  private lose(socket: Socket): void {
    if (socket !== this.socket) return;
    this.socket = null;
    socket.close();
    this.events.onLost();
    this.again();
  }

  /** Connect when the service can be reached: attempts that fail would make the browser hold back those that follow. */
  private again(): void {
    this.timer = window.setTimeout(() => void this.openIfReachable(), backoff(this.attempt++, Math.random()));
  }

  private async openIfReachable(): Promise<void> {
    const answers = await this.events.reachable();
    if (this.socket !== null) return;
    if (answers) this.open();
    else this.again();
  }
}
