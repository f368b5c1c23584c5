/**
 * A curve as text: dots of Braille patterns over an axis.
 *
 * @module
 */

/** What to draw. */
export interface Curve {
  /** Stands above the curve. */
  readonly title: string;
  /** Values from left to right at equal distances, two to a character; `undefined` where there is none. */
  readonly values: readonly (number | undefined)[];
  /** Values that are marked beside the curve: where, as a share of the width, and how much. */
  readonly marks?: readonly { readonly at: number; readonly value: number }[];
  /** Shares of the width at which the axis is marked. */
  readonly ticks?: readonly number[];
}

/** Characters that the labels at the left take, the axis included. */
export const LABEL_WIDTH = 6;

/** Rows of characters that a curve is high, besides its title and its axis. */
const HEIGHT = 5;

/** Dots of a Braille pattern, both ways. */
const [DOTS_X, DOTS_Y] = [2, 4];

/** First of the Braille patterns, and the bit that each dot of a column sets, from the top. Unicode, chapter 21.1. */
const [BRAILLE, BITS] = [0x2800, [[1, 2, 4, 0x40], [8, 0x10, 0x20, 0x80]]];

/** How a marked value looks. */
export const MARK = "o";

/**
 * Draws a curve. The greatest and the least value that fit are written at its left; they are round, so that they change
 * seldom while values come.
 *
 * @param curve At least one value or mark.
 * @returns Lines of the same width: a title, the curve, and its axis.
 */
export function drawCurve(curve: Curve): string[] {
  const { title, values, marks = [], ticks = [] } = curve;
  const numColumns = Math.ceil(values.length / DOTS_X);
  const range = _roundRange([
    ...values.filter((value) => value !== undefined),
    ...marks.map(({ value }) => value),
  ]);
  const rows = Array.from(
    { length: HEIGHT },
    () => Array<string>(numColumns).fill(" "),
  );
  const shares = values.map((value) =>
    value === undefined ? undefined : _share(value, range)
  );
  _drawLine(rows, shares);
  for (const { at, value } of marks) {
    const row = Math.min(
      HEIGHT - 1,
      Math.floor((1 - _share(value, range)) * HEIGHT),
    );
    rows[row][_columnAt(at, numColumns)] = MARK;
  }
  const axis = Array<string>(numColumns).fill("-");
  for (const at of ticks) axis[_columnAt(at, numColumns)] = "+";
  const width = LABEL_WIDTH + numColumns;
  const label = (text: string) => text.padStart(LABEL_WIDTH - 1);
  return [
    title.slice(0, width).padEnd(width),
    ...rows.map((row, y) => {
      const text = y === 0
        ? range.format(range.max)
        : y === HEIGHT - 1
        ? range.format(range.min)
        : "";
      return `${label(text)}|${row.join("")}`;
    }),
    `${label("")}+${axis.join("")}`,
  ];
}

/** A range of values, and how its ends are written. */
interface _Range {
  readonly min: number;
  readonly max: number;
  readonly format: (value: number) => string;
}

/** The range from the least to the greatest value, made larger to multiples of a fifth of a power of ten: at least of one. */
function _roundRange(values: readonly number[]): _Range {
  const least = values.reduce((a, b) => Math.min(a, b));
  const most = values.reduce((a, b) => Math.max(a, b));
  // Less of a difference comes from adding up, and is none.
  const isFlat = most - least <= 1e-6 * Math.abs(most);
  const size = isFlat ? Math.abs(most) || 1 : most - least;
  const exponent = Math.floor(Math.log10(size));
  const step = 10 ** exponent / 5;
  // Rounds what is off by an error of floating point only to the multiple itself.
  const slack = 1e-9;
  const first = Math.floor(least / step + slack);
  const last = Math.max(first + 1, Math.ceil(most / step - slack));
  return {
    min: first * step,
    max: last * step,
    format: (value) => _fit(value, Math.min(3, Math.max(0, 1 - exponent))),
  };
}

/** A number with some decimals, or as few digits as there is room for. */
function _fit(value: number, decimals: number): string {
  const text = value.toFixed(decimals);
  return text.length < LABEL_WIDTH ? text : value.toExponential(0);
}

/** From 0 at the bottom to 1 at the top. */
function _share(value: number, { min, max }: _Range): number {
  return Math.min(1, Math.max(0, (value - min) / (max - min)));
}

function _columnAt(share: number, numColumns: number): number {
  return Math.min(
    numColumns - 1,
    Math.max(0, Math.ceil(share * numColumns) - 1),
  );
}

/** Sets the dots of each value, and those between it and the one before. */
function _drawLine(
  rows: string[][],
  shares: readonly (number | undefined)[],
): void {
  const patterns = rows.map((row) => row.map(() => 0));
  const most = HEIGHT * DOTS_Y - 1;
  let before: number | undefined;
  shares.forEach((share, x) => {
    const y = share === undefined ? undefined : Math.round((1 - share) * most);
    if (y !== undefined) {
      // The dots between belong to the later value, but for that at the height of the earlier one.
      const from = before === undefined || before === y
        ? y
        : before + Math.sign(y - before);
      for (let dot = Math.min(from, y); dot <= Math.max(from, y); dot++) {
        patterns[Math.floor(dot / DOTS_Y)][Math.floor(x / DOTS_X)] |=
          BITS[x % DOTS_X][dot % DOTS_Y];
      }
    }
    before = y;
  });
  patterns.forEach((row, y) =>
    row.forEach((pattern, x) => {
      if (pattern) rows[y][x] = String.fromCharCode(BRAILLE + pattern);
    })
  );
}
