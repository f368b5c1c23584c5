/**
 * Tables of text.
 *
 * @module
 */

/**
 * Writes a table in columns of equal width, two spaces apart.
 *
 * @param rows The cells, row after row; a row may be shorter than others.
 * @param options How many of the first columns are text, to be aligned on the left; others are numbers.
 * @returns A line per row, without spaces at its end.
 */
export function formatTable(
  rows: readonly (readonly string[])[],
  { textColumns }: { textColumns: number },
): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, c) => widths[c] = Math.max(widths[c] ?? 0, cell.length));
  }
  return rows.map((row) =>
    row.map((cell, c) =>
      c < textColumns ? cell.padEnd(widths[c]) : cell.padStart(widths[c])
    ).join("  ").trimEnd()
  ).join("\n");
}
