/** Modes side by side, as square as can be. */

export interface Mosaic {
  columns: number;
  lines: number;
}

export function mosaic(modes: number): Mosaic {
  const columns = Math.max(1, Math.ceil(Math.sqrt(modes)));
  return { columns, lines: Math.max(1, Math.ceil(modes / columns)) };
}
