/** An append-only table of numbers, by columns. Appending shares memory with the older table, which keeps its rows. */

export interface Table {
  columns: readonly string[];
  rows: number;
  /** One array a column, with room to grow: only the first `rows` are of this table. */
  values: readonly Float64Array[];
}

export const EMPTY_TABLE: Table = { columns: [], rows: 0, values: [] };

/** The table with rows appended that came for row `start` on; rows it has are skipped, after a gap none is taken. */
export function append(table: Table, start: number, columns: readonly string[], data: Uint8Array): Table {
  const width = columns.length;
  const count = width === 0 ? 0 : Math.floor(data.byteLength / (8 * width));
  if (start > table.rows || start + count <= table.rows) return table;
  const rows = start + count;
  const values = grown(table, columns, rows);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let row = table.rows; row < rows; row++) {
    values.forEach((cells, c) => {
      cells[row] = view.getFloat64(8 * ((row - start) * width + c), true);
    });
  }
  return { columns, rows, values };
}

/** A column's rows, or an empty one where the table does not have it. */
export function column(table: Table, name: string): Float64Array {
  return table.values[table.columns.indexOf(name)]?.subarray(0, table.rows) ?? new Float64Array(0);
}

/** The newest value of a column that is known: not every iteration computes every one. */
export function newest(values: Float64Array): number | null {
  for (let row = values.length - 1; row >= 0; row--) {
    const value = values[row] ?? Number.NaN;
    if (!Number.isNaN(value)) return value;
  }
  return null;
}

function grown(table: Table, columns: readonly string[], rows: number): readonly Float64Array[] {
  const room = table.values[0]?.length ?? 0;
  if (rows <= room) return table.values;
  return columns.map((_, c) => {
    const larger = new Float64Array(Math.max(256, 2 * rows));
    larger.set(table.values[c]?.subarray(0, table.rows) ?? []);
    return larger;
  });
}
