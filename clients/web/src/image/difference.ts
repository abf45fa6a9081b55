/** One picture minus another, pixel by pixel, for the eye: phases go the short way round. */
import type { Quantity } from "../protocol";
import { dequantise, layerOf, type PixelLayer, type Pixels } from "./pixels";

const TOP = 65_535;
const TURN = 2 * Math.PI;

/** Picture b minus picture a; a text that says why where they do not lie on the same pixels. */
export function difference(a: Pixels, b: Pixels, quantity: Quantity): Pixels | string {
  const [first, second] = [layerOf(a, quantity), layerOf(b, quantity)];
  if (first === undefined || second === undefined) return `There is no ${quantity} of both`;
  const same = a.rows === b.rows && a.cols === b.cols && a.step === b.step && a.modes === b.modes;
  if (!same || a.origin[0] !== b.origin[0] || a.origin[1] !== b.origin[1]) {
    return `Different pixels: ${a.cols} × ${a.rows} and ${b.cols} × ${b.rows}`;
  }
  return { ...a, layers: [subtract(first, second)] };
}

function subtract(a: PixelLayer, b: PixelLayer): PixelLayer {
  const values = new Float32Array(a.codes.length).fill(Number.NaN);
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    const [codeA, codeB] = [a.codes[i] ?? 0, b.codes[i] ?? 0];
    if (codeA === 0 || codeB === 0) continue;
    const plain = dequantise(codeB, b) - dequantise(codeA, a);
    const short = a.quantity === "phase" ? plain - TURN * Math.round(plain / TURN) : plain;
    values[i] = short;
    most = Math.max(most, Math.abs(short));
  }
  const high = most || 1e-6;
  const codes = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (!Number.isNaN(value)) codes[i] = 1 + Math.round(((value + high) / (2 * high)) * (TOP - 1));
  }
  return { quantity: a.quantity, low: -high, high, top: TOP, codes, histogram: null };
}
