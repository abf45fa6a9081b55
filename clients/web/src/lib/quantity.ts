/** What of a picture numbers are read from, and in which unit. */
import type { Look } from "../image/paint";
import type { Quantity } from "../protocol";

/** The complex look is measured by its phase. */
export function quantityOf(look: Look): Quantity {
  return look === "complex" ? "phase" : look;
}

export function unitOf(quantity: Quantity): string {
  return quantity === "phase" ? "rad" : "";
}

/** Counts travel as log10(1 + counts). */
export function countsOf(value: number): number {
  return 10 ** value - 1;
}
