/** The page's end of its one worker: orders and their replies, and lines to the service. */
import type { LineNews, LineOrder } from "./lines";
import type { Order, Reply } from "./worker";

type Work<O = Order> = O extends Order ? Omit<O, "sequence"> : never;

class Workshop {
  private readonly worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  private readonly waiting = new Map<number, (reply: Reply) => void>();
  private readonly lines = new Map<number, (news: LineNews) => void>();
  private orders = 0;

  constructor() {
    this.worker.addEventListener("message", ({ data }: MessageEvent<Reply | LineNews>) => {
      if ("line" in data) {
        this.lines.get(data.line)?.(data);
        return;
      }
      this.waiting.get(data.sequence)?.(data);
      this.waiting.delete(data.sequence);
    });
  }

  /** Rejects where it could not be done. */
  async order(work: Work, transfer: Transferable[] = []): Promise<Reply> {
    const sequence = ++this.orders;
    this.worker.postMessage({ ...work, sequence } as Order, transfer);
    const reply = await new Promise<Reply>((resolve) => this.waiting.set(sequence, resolve));
    if (reply.problem !== undefined) throw new Error(reply.problem);
    return reply;
  }

  line(order: LineOrder): void {
    this.worker.postMessage(order);
  }

  /** Who hears of a line; null: nobody any more. */
  listen(line: number, listener: ((news: LineNews) => void) | null): void {
    if (listener === null) this.lines.delete(line);
    else this.lines.set(line, listener);
  }
}

let only: Workshop | null = null;

/** Without an OffscreenCanvas nothing can be painted off this thread, and nothing is gained by being there. */
export const hasWorkshop = typeof OffscreenCanvas !== "undefined";

export function workshop(): Workshop {
  return (only ??= new Workshop());
}
