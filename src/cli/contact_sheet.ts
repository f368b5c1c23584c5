/**
 * Images as text: a contact sheet for a terminal.
 *
 * @module
 */

import type { Image, Sample } from "../data/dataset.ts";

/** How to lay out a contact sheet. */
export interface ContactSheetOptions {
  /** What the labels mean. */
  readonly classNames: readonly string[];
  /** Width of the terminal, in characters. */
  readonly columns: number;
  /** Whether the terminal shows colour. */
  readonly hasColor: boolean;
}

/** From black to white, for terminals without colour. */
const RAMP = " .:-=+*#%@";

const GAP = "  ";

/**
 * Draws images side by side with their labels beneath. Two rows of pixels make a row of characters.
 *
 * @param samples Images of one channel, all of one size, and their labels.
 * @param options Names, width and colour.
 * @returns Several lines.
 */
export function contactSheet(
  samples: readonly Sample[],
  options: ContactSheetOptions,
): string {
  const width = samples[0].image.width;
  const perRow = Math.max(
    1,
    Math.floor((options.columns + GAP.length) / (width + GAP.length)),
  );
  const lines: string[] = [];
  for (let first = 0; first < samples.length; first += perRow) {
    const row = samples.slice(first, first + perRow);
    const pictures = row.map(({ image }) => _draw(image, options.hasColor));
    pictures[0].forEach((_, y) =>
      lines.push(pictures.map((picture) => picture[y]).join(GAP))
    );
    const captions = row.map(({ label }, i) => {
      const name = `${first + i}: ${options.classNames[label]}`;
      return name.slice(0, width).padEnd(width);
    });
    lines.push(captions.join(GAP).trimEnd(), "");
  }
  return lines.join("\n");
}

function _draw(image: Image, hasColor: boolean): string[] {
  const { height, width, data, maxValue } = image;
  const shade = (y: number, x: number) =>
    y < height ? data[y * width + x] / maxValue : 0;
  return Array.from(
    { length: Math.ceil(height / 2) },
    (_, row) =>
      Array.from({ length: width }, (_, x) => {
        const [top, bottom] = [shade(2 * row, x), shade(2 * row + 1, x)];
        return hasColor
          ? _colored(top, bottom)
          : RAMP[Math.round((top + bottom) / 2 * (RAMP.length - 1))];
      }).join("") + (hasColor ? "\x1b[0m" : ""),
  );
}

/** A half block whose foreground is the upper pixel and whose background is the lower one. */
function _colored(top: number, bottom: number): string {
  const grey = (shade: number) => {
    const level = Math.round(shade * 255);
    return `${level};${level};${level}`;
  };
  return `\x1b[38;2;${grey(top)};48;2;${grey(bottom)}m\u2580`;
}
