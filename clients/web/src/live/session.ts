/** Joins the connection, the store and the pictures: subscribes to what is looked at, credits what was painted. */
import type { Events, Image, ImageName, ServerMessage } from "../protocol";
import type { Action, State } from "../state/model";
import type { Store } from "../state/store";
import { localNow, ServiceClock } from "./clock";
import { LiveConnection } from "./connection";
import { fetchImage } from "./pictures";
import { fetchSchemas, reachable } from "./rest";
import { fieldRequests, isField, isWanted, subscription } from "./subscription";
import type { Together } from "./together";

/** Puts an image on the screen, says so while it does, and resolves to whether it is there. */
export type Sink = (image: Image, onShown: () => void) => Promise<boolean>;

export class Session {
  private readonly clock = new ServiceClock();
  private readonly connection: LiveConnection;
  private readonly sinks = new Map<ImageName, Sink>();
  /** The reconstruction subscribed to on this connection, and with which images. */
  private subscribed: { reconstruction: string; wish: string } | null = null;
  /** The scan whose event log is followed, and the name that was said, on this connection. */
  private watched: string | null = null;
  private readonly gathered: ServerMessage[] = [];
  /** The pictures of the history that were asked for last. */
  private recalled = "";
  private introduced: string | null = null;

  constructor(
    private readonly store: Store<State, Action>,
    private readonly together: Together,
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
      void this.take(message);
      return;
    }
    if (message.t === "points") {
      this.connection.send({ t: "credit", reconstruction: message.reconstruction, name: "points" });
    }
    // Asked for before anybody opens a form; one that fails is asked for again then.
    if (message.t === "hello") fetchSchemas().catch(() => {});
    if (message.t === "service") this.connection.send({ t: "beat" });
    // Many messages a second must not mean many renderings a second.
    if (this.gathered.push(message) === 1) void this.together.later(() => this.hand());
    if (message.t === "hello") this.together.now();
  }

  /** Hand to the store what was gathered. */
  private hand(): void {
    const messages = this.gathered.splice(0);
    this.store.batch(() => {
      for (const message of messages) this.keep(message);
    });
    this.synchronise();
  }

  private keep(message: ServerMessage): void {
    if (message.t === "events" && this.lacks(message)) this.watched = null; // asked for again afterwards
    this.store.dispatch({ type: "received", message, offsetMs: this.clock.offsetMs });
    if ((message.t === "metrics" || message.t === "positions") && this.rows(message) < message.start) {
      this.subscribed = null; // rows are missing in between: they are asked for afterwards
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

  /** A picture from the stream: after it is shown, the next may come. */
  private async take(image: Image): Promise<void> {
    const { reconstruction, name } = image;
    const state = this.store.get();
    if (isField(name) && state.looking.at !== null) return; // it was on its way when the history was opened
    try {
      if (await this.show(image)) this.connection.send({ t: "credit", reconstruction, name });
    } catch (error) {
      this.complain(error);
      this.connection.send({ t: "credit", reconstruction, name }); // the next one may be better
    }
  }

  /** Whether the picture is on the screen now. */
  private async show(image: Image): Promise<boolean> {
    const sink = this.sinks.get(image.name);
    if (sink === undefined || !isWanted(image, this.store.get())) return false;
    const { layers: _, t: __, name, ...rest } = image;
    return sink(image, () => {
      if (isField(name)) this.store.dispatch({ type: "shown", shown: { ...rest, name } });
    });
  }

  private complain(error: unknown): void {
    const text = `Picture not shown: ${error instanceof Error ? error.message : String(error)}`;
    this.store.dispatch({ type: "notice", notice: { text, at: localNow() } });
  }

  /** The pictures of a moment of the history, once for each way of looking at it. */
  private recall(state: State): void {
    const { reconstruction, looking } = state;
    const requests = looking.at === null || looking.frozen ? [] : fieldRequests(state);
    const wish = JSON.stringify([reconstruction, looking.at, requests]);
    if (wish === this.recalled) return;
    this.recalled = wish;
    for (const request of requests) {
      if (reconstruction === null) return;
      fetchImage(reconstruction, request, looking.at)
        .then((image) => (this.recalled === wish ? this.show(image) : false))
        .catch((error: unknown) => this.complain(error));
    }
  }

  private lose(): void {
    this.hand();
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
    this.recall(state);
    const wish = JSON.stringify([wanted?.images, wanted?.points]);
    const old = this.subscribed;
    if (old?.reconstruction === wanted?.reconstruction && (wanted === null || old?.wish === wish)) return;
    if (old !== null && old.reconstruction !== wanted?.reconstruction) {
      this.connection.send({ t: "unsubscribe", reconstruction: old.reconstruction });
    }
    this.subscribed = wanted === null ? null : { reconstruction: wanted.reconstruction, wish };
    if (wanted !== null) this.connection.send(wanted);
  }
}
