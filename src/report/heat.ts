/**
 * Colours of the cells of a confusion matrix, readable on light and dark pages and for colour-blind people.
 *
 * @module
 */

/** Red, green and blue in 0..255. */
type _Color = readonly [red: number, green: number, blue: number];

/** Number of levels besides none. */
const LEVELS = 9;

/** From the page's colour to the strongest one. */
const SCALES: Readonly<
  Record<"light" | "dark", { paper: _Color; right: _Color; wrong: _Color }>
> = {
  light: { paper: [255, 255, 255], right: [8, 81, 156], wrong: [179, 88, 6] },
  dark: { paper: [17, 21, 26], right: [107, 174, 214], wrong: [253, 184, 99] },
};

/** Finds how strong the colour of a cell is. Small shares differ more in colour than large ones. */
export function heatLevel(share: number): number {
  return Math.max(1, Math.round(LEVELS * Math.sqrt(share)));
}

/**
 * Writes the CSS rules of all levels. Text is black or white, whichever has the greater contrast: at least 4.5 on any
 * colour.
 */
export function heatRules(scheme: "light" | "dark"): string {
  const { paper, ...scales } = SCALES[scheme];
  return Object.entries(scales).flatMap(([kind, strongest]) =>
    Array.from({ length: LEVELS }, (_, i) => {
      const share = (i + 1) / LEVELS;
      const color = paper.map((from, c) =>
        Math.round(from + share * (strongest[c] - from))
      ) as unknown as _Color;
      // Where the contrasts with black and with white are equal, by WCAG's definition.
      const text = _luminance(color) > Math.sqrt(1.05 * 0.05) - 0.05
        ? "#000"
        : "#fff";
      return `.${kind}-${i + 1}{background:rgb(${color});color:${text}}`;
    })
  ).join("\n");
}

/** WCAG 2.2's relative luminance. */
function _luminance(color: _Color): number {
  const [red, green, blue] = color.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
