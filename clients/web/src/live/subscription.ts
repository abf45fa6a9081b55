/** What to ask of the service for the state at hand. */
import type { FieldLook } from "../image/paint";
import type { FieldName, FieldPart, Image, ImageName, ImageRequest, Subscribe } from "../protocol";
import type { State } from "../state/model";
import { NO_SERIES } from "../state/model";

type Seen = Pick<State, "views" | "crop" | "looking">;

export function quantitiesOf(look: FieldLook): FieldPart[] {
  return look === "complex" ? ["phase", "amplitude"] : [look];
}

/** Object and probe, as they are looked at. */
export function fieldRequests({ views, crop, looking }: Seen): ImageRequest[] {
  return [
    { name: "object", quantities: quantitiesOf(views.object.look), crop, flat: looking.flat },
    { name: "probe", quantities: quantitiesOf(views.probe.look), distance_m: looking.distance },
  ];
}

/** What the stream is to bring: nothing that is held, or that comes from the history. */
export function imageRequests(state: Seen): ImageRequest[] {
  if (state.looking.frozen) return [];
  const pattern: ImageRequest = { name: state.looking.pattern };
  return state.looking.at === null ? [...fieldRequests(state), pattern] : [pattern];
}

/** The subscription that a state calls for: rows that are here already are not asked for again. */
export function subscription(state: State): Subscribe | null {
  if (state.reconstruction === null) return null;
  const { metrics, positions } = state.series[state.reconstruction] ?? NO_SERIES;
  return {
    t: "subscribe",
    reconstruction: state.reconstruction,
    metrics_from: metrics.rows,
    positions_from: positions.rows,
    images: imageRequests(state),
    points: !state.looking.frozen,
  };
}

/** Whether an image is what the state asks for now, and not an earlier wish that was still on its way. */
export function isWanted(image: Image, state: State): boolean {
  if (image.reconstruction !== state.reconstruction || state.looking.frozen) return false;
  if (!isField(image.name)) return image.name === state.looking.pattern;
  const wanted = quantitiesOf(state.views[image.name].look);
  return wanted.length === image.layers.length && wanted.every((q) => image.layers.some((l) => l.quantity === q));
}

export function isField(name: ImageName): name is FieldName {
  return name === "object" || name === "probe";
}
