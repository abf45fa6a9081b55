/** Lengths and energies as people type them: `2.3 m`, `75um`, `6.2 keV`. */

const LENGTHS: Record<string, number> = { nm: 1e-9, um: 1e-6, µm: 1e-6, mm: 1e-3, cm: 1e-2, m: 1 };
const ENERGIES: Record<string, number> = { eV: 1.602176634e-19, keV: 1.602176634e-16, J: 1 };

function quantity(text: string, units: Record<string, number>, what: string): number {
  const match = /^\s*([-+]?[\d.]+(?:e[-+]?\d+)?)\s*([a-zµ]+)\s*$/i.exec(text);
  const factor = units[match?.[2] ?? ""];
  const value = Number(match?.[1]);
  if (match === null || factor === undefined || !Number.isFinite(value) || value <= 0) {
    throw new Error(`expected ${what} above 0 with ${Object.keys(units).join(", ")}, got ${text.trim() === "" ? "nothing" : text}`);
  }
  return value * factor;
}

export function parseLength(text: string): number {
  return quantity(text, LENGTHS, "a length");
}

export function parseEnergy(text: string): number {
  return quantity(text, ENERGIES, "an energy");
}

export function lengthText(metres: number): string {
  const unit = (["m", "mm", "um", "nm"] as const).find((each) => metres >= (LENGTHS[each] ?? 1)) ?? "nm";
  return `${Number((metres / (LENGTHS[unit] ?? 1)).toPrecision(6))} ${unit}`;
}

export function energyText(joule: number): string {
  return `${Number((joule / (ENERGIES["keV"] ?? 1)).toPrecision(6))} keV`;
}
