/** Reads curves of Braille patterns. */

/** Where the dots of a pattern are, in the order of its bits: the standard's dots 1 to 8. */
const DOTS = [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2], [0, 3], [1, 3]];

/**
 * Reads the dots of a curve.
 *
 * @param lines What `drawCurve` returned.
 * @param numRows Rows of characters of the curve.
 * @returns For each column of dots, the heights at which there are dots, from 0 at the bottom.
 */
export function heightsOf(lines: readonly string[], numRows = 5): number[][] {
  const rows = lines.slice(1, 1 + numRows)
    .map((line) => [...line.slice(line.indexOf("|") + 1)]);
  const width = Math.max(...rows.map(({ length }) => length));
  const columns = Array.from({ length: 2 * width }, (): number[] => []);
  rows.forEach((row, y) =>
    row.forEach((char, x) => {
      const pattern = char.charCodeAt(0) - 0x2800;
      if (pattern <= 0 || pattern > 255) return;
      DOTS.forEach(([right, down], bit) => {
        if (pattern >> bit & 1) {
          columns[2 * x + right].push(numRows * 4 - 1 - (4 * y + down));
        }
      });
    })
  );
  return columns.map((heights) => heights.sort((a, b) => a - b));
}
