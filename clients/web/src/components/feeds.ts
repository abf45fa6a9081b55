/** Where pictures come from. */
import { fetchImage } from "../live/pictures";
import { session } from "../live/page";
import type { Sink } from "../live/session";
import type { ImageName, ImageRequest } from "../protocol";

/** Of what is looked at, as it comes. */
export function liveFeed(...names: ImageName[]): (show: Sink) => () => void {
  return (show) => {
    const ends = names.map((name) => session.attach(name, show));
    return () => {
      for (const end of ends) end();
    };
  };
}

/** What to fetch; another snapshot of the same is another picture. */
export interface Source {
  reconstruction: string;
  at: number | null;
  snapshot?: number;
}

/** Once, from another reconstruction or from the history; what hinders it goes to `onProblem`, or that nothing does. */
export function fetchedFeed(
  { reconstruction, at }: Source,
  request: ImageRequest,
  onProblem: (text: string) => void,
): (show: Sink) => () => void {
  return (show) => {
    let wanted = true;
    fetchImage(reconstruction, request, at)
      .then(async (image) => {
        if (wanted) await show(image, () => onProblem(""));
      })
      .catch((error: unknown) => onProblem(error instanceof Error ? error.message : String(error)));
    return () => {
      wanted = false;
    };
  };
}
