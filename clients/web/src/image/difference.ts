/**
 * One picture minus another, pixel by pixel, for the eye. Phases go the short way round, and lose their mean: it
 * means nothing, and is another one for each as they do not cover the same.
 */
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
  let [cosines, sines] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const [codeA, codeB] = [a.codes[i] ?? 0, b.codes[i] ?? 0];
    if (codeA === 0 || codeB === 0) continue;
    const value = dequantise(codeB, b) - dequantise(codeA, a);
    values[i] = value;
    cosines += Math.cos(value);
    sines += Math.sin(value);
  }
  if (a.quantity === "phase") turnBack(values, Math.atan2(sines, cosines));
  return quantised(a.quantity, values);
}

function turnBack(values: Float32Array, mean: number): void {
  for (let i = 0; i < values.length; i++) {
    const value = (values[i] ?? Number.NaN) - mean;
    values[i] = value - TURN * Math.round(value / TURN);
  }
}

function quantised(quantity: Quantity, values: Float32Array): PixelLayer {
  let high = 1e-6;
  for (const value of values) {
    if (Math.abs(value) > high) high = Math.abs(value);
  }
  const codes = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (!Number.isNaN(value)) codes[i] = 1 + Math.round(((value + high) / (2 * high)) * (TOP - 1));
  }
  return { quantity, low: -high, high, top: TOP, codes, histogram: null };
}
