/** One WebSocket, in the worker where there is one, so that pictures never pass through the page's own thread. */
import { decode } from "@msgpack/msgpack";

import { hasWorkshop, workshop } from "../image/workshop";
import type { ServerMessage } from "../protocol";

export interface SocketEvents {
  onOpen: () => void;
  onMessage: (message: ServerMessage) => void;
  onClose: () => void;
}

export interface Socket {
  readonly isOpen: boolean;
  send(bytes: Uint8Array): void;
  /** Nothing is heard of it afterwards. */
  close(): void;
}

export function openSocket(url: string, events: SocketEvents): Socket {
  return hasWorkshop ? new DistantSocket(url, events) : new PlainSocket(url, events);
}

let lines = 0;

class DistantSocket implements Socket {
  isOpen = false;
  private readonly line = ++lines;

  constructor(url: string, events: SocketEvents) {
    workshop().listen(this.line, (news) => {
      this.isOpen = news.kind !== "closed";
      if (news.kind === "opened") events.onOpen();
      else if (news.kind === "message") events.onMessage(news.message);
      else events.onClose();
    });
    workshop().line({ line: this.line, kind: "open", url });
  }

  send(bytes: Uint8Array): void {
    workshop().line({ line: this.line, kind: "send", bytes });
  }

  close(): void {
    this.isOpen = false;
    workshop().listen(this.line, null);
    workshop().line({ line: this.line, kind: "close" });
  }
}

class PlainSocket implements Socket {
  private readonly socket: WebSocket;
  private heard = true;

  constructor(url: string, events: SocketEvents) {
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("open", () => this.heard && events.onOpen());
    this.socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer>) => {
      if (this.heard) events.onMessage(decode(new Uint8Array(data)) as ServerMessage);
    });
    this.socket.addEventListener("close", () => this.heard && events.onClose());
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  send(bytes: Uint8Array): void {
    this.socket.send(bytes as Uint8Array<ArrayBuffer>);
  }

  close(): void {
    this.heard = false;
    this.socket.close();
  }
}
