/** Pictures, moments and the focus by REST: what is not in the stream. */
import { decode } from "@msgpack/msgpack";

import type { Image, ImageRequest, Moment, ProbeFocus } from "../protocol";
import { downloadUrl } from "./rest";

/** A picture of a reconstruction's latest snapshot, or of a moment of its history. */
export async function fetchImage(reconstruction: string, request: ImageRequest, at: number | null): Promise<Image> {
  const url = new URL(downloadUrl(reconstruction, "image"));
  url.searchParams.set("request", JSON.stringify(request));
  if (at !== null) url.searchParams.set("iteration", String(at));
  const response = await fetch(url);
  if (!response.ok) throw new Error(`No picture of ${reconstruction}: ${response.status}`);
  return decode(new Uint8Array(await response.arrayBuffer())) as Image;
}

export const fetchMoments = (reconstruction: string): Promise<Moment[]> => json(reconstruction, "moments");

export const fetchFocus = (reconstruction: string): Promise<ProbeFocus> => json(reconstruction, "focus");

async function json<T>(reconstruction: string, what: string): Promise<T> {
  const response = await fetch(downloadUrl(reconstruction, what));
  if (!response.ok) throw new Error(`${what} of ${reconstruction}: ${response.status}`);
  return (await response.json()) as T;
}
