/** What to ask of the service for the state at hand. */
import type { Look } from "../image/paint";
import type { FieldName, FieldPart, Image, ImageName, ImageRequest, Subscribe } from "../protocol";
import type { State } from "../state/model";
import { NO_SERIES } from "../state/model";

export function quantitiesOf(look: Look): FieldPart[] {
  return look === "complex" ? ["phase", "amplitude"] : [look];
}

export function imageRequests(state: Pick<State, "views" | "crop">): ImageRequest[] {
  return [
    { name: "object", quantities: quantitiesOf(state.views.object.look), crop: state.crop },
    { name: "probe", quantities: quantitiesOf(state.views.probe.look) },
  ];
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
  };
}

/** Whether an image is what the state asks for now, and not an earlier wish that was still on its way. */
export function isWanted(image: Image, state: State): boolean {
  if (image.reconstruction !== state.reconstruction || !isField(image.name)) return false;
  const wanted = quantitiesOf(state.views[image.name].look);
  return wanted.length === image.layers.length && wanted.every((q) => image.layers.some((l) => l.quantity === q));
}

export function isField(name: ImageName): name is FieldName {
  return name === "object" || name === "probe";
}
