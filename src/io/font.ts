/**
 * A font of 5 x 7 pixels, to write on pictures.
 *
 * @module
 */

import oledFont from "oled-font-5x7";

/** What the npm package, which has no types, exports. */
interface _OledFont {
  /** Columns of all characters, from left to right; the lowest bit of a column is its topmost pixel. */
  readonly fontData: readonly number[];
  /** The characters, in order. */
  readonly lookup: readonly string[];
}

/** Width of a character, in pixels, without the space after it. */
export const GLYPH_WIDTH = 5;

/** Height of a character, in pixels. */
export const GLYPH_HEIGHT = 7;

/** Drawn instead of a character that the font lacks. */
const SUBSTITUTE = "?";

const FONT: _OledFont = oledFont;

/** Where each character is in the font. */
const INDICES: ReadonlyMap<string, number> = new Map(
  FONT.lookup.map((char, i) => [char, i]),
);

/**
 * Finds the pixels of a character.
 *
 * @param char One character; the font has those of ASCII and a few others, the rest look like "?".
 * @returns `[GLYPH_HEIGHT][GLYPH_WIDTH]`: whether each pixel has ink.
 */
export function glyphOf(char: string): boolean[][] {
  const index = INDICES.get(char) ?? INDICES.get(SUBSTITUTE)!;
  const first = index * GLYPH_WIDTH;
  const columns = FONT.fontData.slice(first, first + GLYPH_WIDTH);
  return Array.from(
    { length: GLYPH_HEIGHT },
    (_, y) => columns.map((column) => (column >> y & 1) === 1),
  );
}
