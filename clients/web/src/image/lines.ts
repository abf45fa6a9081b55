/** WebSockets in the worker: what is large stays here, and the page hears only of it. */
import { decode } from "@msgpack/msgpack";

import type { Image, ServerMessage } from "../protocol";

/** What the page asks of a line. */
export type LineOrder = { line: number } & (
  | { kind: "open"; url: string }
  | { kind: "send"; bytes: Uint8Array }
  | { kind: "close" }
);

/** What the page hears. Images come without their pixels, by a token under which these lie here. */
export type LineNews = { line: number } & (
  | { kind: "opened" }
  | { kind: "message"; message: ServerMessage | TokenImage }
  | { kind: "closed" }
);

export type TokenImage = Image & { token: number };

type Post = (news: LineNews, transfer: Transferable[]) => void;

export class Lines {
  private readonly sockets = new Map<number, WebSocket>();
  /** Images that were not painted yet, the latest of each name only. */
  private readonly waiting = new Map<string, TokenImage>();
  private tokens = 0;

  constructor(private readonly post: Post) {}

  obey(order: LineOrder): void {
    const socket = this.sockets.get(order.line);
    if (order.kind === "open") this.open(order.line, order.url);
    else if (order.kind === "close") socket?.close();
    else if (socket?.readyState === WebSocket.OPEN) socket.send(order.bytes as Uint8Array<ArrayBuffer>);
  }

  /** The image of a token, which is then given away; undefined where a later one came in its place. */
  collect(token: number): Image | undefined {
    for (const [key, image] of this.waiting) {
      if (image.token !== token) continue;
      this.waiting.delete(key);
      return image;
    }
    return undefined;
  }

  private open(line: number, url: string): void {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    this.sockets.set(line, socket);
    socket.addEventListener("open", () => this.post({ line, kind: "opened" }, []));
    socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer>) => this.pass(line, data));
    socket.addEventListener("close", () => {
      this.sockets.delete(line);
      this.post({ line, kind: "closed" }, []);
    });
  }

  private pass(line: number, data: ArrayBuffer): void {
    const message = decode(new Uint8Array(data)) as ServerMessage;
    if (message.t !== "image") {
      this.post({ line, kind: "message", message }, "data" in message ? [data] : []);
      return;
    }
    const image: TokenImage = { ...message, token: ++this.tokens };
    this.waiting.set(`${image.reconstruction} ${image.name}`, image);
    const layers = image.layers.map((layer) => ({ ...layer, data: new Uint8Array(0) }));
    this.post({ line, kind: "message", message: { ...image, layers } }, []);
  }
}
