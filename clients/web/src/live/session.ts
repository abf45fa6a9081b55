/** Joins the connection, the store and the pictures: subscribes to what is looked at, credits what was painted. */
import type { Events, Image, ImageName, ServerMessage } from "../protocol";
import type { Action, State } from "../state/model";
import type { Store } from "../state/store";
import { localNow, ServiceClock } from "./clock";
import { LiveConnection } from "./connection";
import { reachable } from "./rest";
import { imageRequests, isField, isWanted, subscription } from "./subscription";

/** Puts an image on the screen; resolves to whether it is there. */
export type Sink = (image: Image) => Promise<boolean>;

export class Session {
  private readonly clock = new ServiceClock();
  private readonly connection: LiveConnection;
  private readonly sinks = new Map<ImageName, Sink>();
  /** The reconstruction subscribed to on this connection, and with which images. */
  private subscribed: { reconstruction: string; wish: string } | null = null;
  /** The scan whose event log is followed, and the name that was said, on this connection. */
  private watched: string | null = null;
  private introduced: string | null = null;

  constructor(
    private readonly store: Store<State, Action>,
    url: string,
  ) {
    this.connection = new LiveConnection(url, {
      reachable,
      onMessage: (message) => this.receive(message),
      onLost: () => this.lose(),
    });
  }

  start(): void {
    this.store.subscribe(() => this.synchronise());
    window.addEventListener("online", () => this.connection.hurry());
    this.connection.start();
  }

  /** Where images of this name go; returns what takes the sink away. */
  attach(name: ImageName, sink: Sink): () => void {
    this.sinks.set(name, sink);
    return () => this.sinks.delete(name);
  }

  private receive(message: ServerMessage): void {
    if ("now_ns" in message) this.clock.hear(message.now_ns, localNow());
    if (message.t === "image") {
      void this.show(message);
      return;
    }
    if (message.t === "service") this.connection.send({ t: "beat" });
    if (message.t === "events" && this.lacks(message)) this.watched = null; // asked for again below
    this.store.dispatch({ type: "received", message, offsetMs: this.clock.offsetMs });
    if ((message.t === "metrics" || message.t === "positions") && this.rows(message) < message.start) {
      this.subscribed = null; // rows are missing in between: ask for them
      this.synchronise();
    }
  }

  /** Whether there are events before these that are not here. */
  private lacks({ scan, start }: Events): boolean {
    const { events } = this.store.get().operation;
    return scan === events.scan && start > events.list.length;
  }

  private rows({ reconstruction, t }: { reconstruction: string; t: "metrics" | "positions" }): number {
    return this.store.get().series[reconstruction]?.[t].rows ?? 0;
  }

  private async show(image: Image): Promise<void> {
    const sink = this.sinks.get(image.name);
    if (sink === undefined || !isWanted(image, this.store.get())) return;
    try {
      if (!(await sink(image))) return;
    } catch (error) {
      this.store.dispatch({ type: "notice", notice: { text: `Picture not shown: ${String(error)}`, at: localNow() } });
      return;
    }
    const { layers: _, t: __, name, ...rest } = image;
    if (!isField(name)) return;
    const shown = { ...rest, name };
    this.store.dispatch({ type: "shown", shown });
    this.connection.send({ t: "credit", reconstruction: image.reconstruction, name: image.name });
  }

  private lose(): void {
    this.subscribed = this.watched = this.introduced = null;
    this.clock.forget();
    this.store.dispatch({ type: "connection", connection: "lost" });
  }

  private introduce({ operation: { person } }: State): void {
    if (this.introduced === person) return;
    this.introduced = person;
    this.connection.send({ t: "introduce", name: person });
  }

  private watch({ operation: { events } }: State): void {
    if (events.scan === null || this.watched === events.scan) return;
    this.watched = events.scan;
    this.connection.send({ t: "watch", scan: events.scan, events_from: events.list.length });
  }

  private synchronise(): void {
    const state = this.store.get();
    if (state.connection !== "open") return;
    this.introduce(state);
    this.watch(state);
    const wanted = subscription(state);
    const wish = JSON.stringify(imageRequests(state));
    const old = this.subscribed;
    if (old?.reconstruction === wanted?.reconstruction && (wanted === null || old?.wish === wish)) return;
    if (old !== null && old.reconstruction !== wanted?.reconstruction) {
      this.connection.send({ t: "unsubscribe", reconstruction: old.reconstruction });
    }
    this.subscribed = wanted === null ? null : { reconstruction: wanted.reconstruction, wish };
    if (wanted !== null) this.connection.send(wanted);
  }
}
