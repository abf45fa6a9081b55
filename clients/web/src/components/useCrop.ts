import { useEffect } from "react";

import { visibleCrop, type Size, type View } from "../lib/viewport";
import { store } from "../live/page";
import type { Picture } from "./PictureCanvas";

/** Long enough that a turn of the wheel asks once. */
const SETTLE_MS = 250;

/** Asks for the visible part at full resolution when an overview is too coarse for the zoom. */
export function useCrop(picture: Picture | null, view: View, size: Size): void {
  const [rows, cols] = picture?.image.full_shape ?? [0, 0];
  const [, sentRows, sentCols] = picture?.image.shape ?? [0, 0, 0];
  const step = picture?.image.step ?? 1;
  const { scale, x, y } = view;
  const { width, height } = size;
  const whole = step === 1 && sentRows === rows && sentCols === cols;
  useEffect(() => {
    if (rows === 0 || whole) return;
    const timer = window.setTimeout(() => {
      const crop = visibleCrop({ scale, x, y }, { width, height }, [rows, cols]);
      store.dispatch({ type: "crop", crop });
    }, SETTLE_MS);
    return () => window.clearTimeout(timer);
  }, [rows, cols, whole, scale, x, y, width, height]);
}
