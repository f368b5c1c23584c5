/** The style sheet of the page: light and dark, for phones, screens and paper; and the colours of the confusion matrix. */

/** Number of levels besides none. */
const LEVELS = 9;

/** Colours from that of the page to the strongest ones: red, green and blue in 0..255. */
const SCALES = {
  light: { paper: [255, 255, 255], right: [8, 81, 156], wrong: [179, 88, 6] },
  dark: { paper: [17, 21, 26], right: [107, 174, 214], wrong: [253, 184, 99] },
};

/** How strong the colour of a cell is, from 1. Small shares differ more in colour than large ones. */
export function heatLevel(share: number): number {
  return Math.max(1, Math.round(LEVELS * Math.sqrt(share)));
}

/**
 * The CSS rules of all levels. Text is black or white, whichever has the greater contrast: at least 4.5 on any
 * colour.
 */
export function heatRules(scheme: "light" | "dark"): string {
  const { paper, ...scales } = SCALES[scheme];
  return Object.entries(scales).flatMap(([kind, strongest]) =>
    Array.from({ length: LEVELS }, (_, i) => {
      const share = (i + 1) / LEVELS;
      const color = paper.map((from, c) =>
        Math.round(from + share * (strongest[c] - from))
      );
      // Where the contrasts with black and with white are equal, by WCAG's definition.
      const text = luminance(color) > Math.sqrt(1.05 * 0.05) - 0.05
        ? "#000"
        : "#fff";
      return `.${kind}-${i + 1}{background:rgb(${color});color:${text}}`;
    })
  ).join("\n");
}

/** WCAG 2.2's relative luminance. */
function luminance(color: readonly number[]): number {
  const [red, green, blue] = color.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Contrasts: text at least 4.5, curves at least 3. Hues are told apart with every kind of colour blindness. */
const LIGHT = `
  --paper: #ffffff; --card: #f5f7f9; --ink: #1b1f24; --muted: #57606a;
  --line: #d0d7de; --faint: #8a94a0; --accent: #0a5da8;
  --blue: #0072b2; --orange: #c75000; --green: #00805d;`;
const DARK = `
  --paper: #11151a; --card: #1a2027; --ink: #e6e9ed; --muted: #9aa5b1;
  --line: #343c46; --faint: #6e7a87; --accent: #79bdf2;
  --blue: #56b4e9; --orange: #f2a03d; --green: #3fcca4;`;

/** The rules. */
export const STYLE = `
:root { color-scheme: light dark; ${LIGHT} }
${heatRules("light")}
@media screen and (prefers-color-scheme: dark) {
:root { ${DARK} }
${heatRules("dark")}
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  margin: 0 auto; max-width: 56rem; padding: 1.5rem 1rem 3rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere;
}
h1 { margin: 0; font-size: 1.75rem; line-height: 1.2; }
h2 { margin: 0 0 1rem; font-size: 1.3rem; line-height: 1.25; }
h3 { margin: 1.5rem 0 .5rem; font-size: 1rem; }
p { margin: .5rem 0; }
a { color: var(--accent); }
small { font-size: .8125rem; }
code { font-family: ui-monospace, monospace; font-size: .9em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
header p, .note, figcaption, dt, small { color: var(--muted); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 1rem 0 0; padding: 0; list-style: none; }
section { margin-top: 2rem; padding-top: 1.5rem; border-top: 1px solid var(--line); }
figure { margin: 0 0 1rem; }
figcaption, .note { margin-top: .75rem; font-size: .875rem; }
figure svg { display: block; max-width: 100%; height: auto; }
figure svg text { fill: currentColor; }
.medium svg, .narrow svg { width: 100%; }
.medium, .narrow { display: none; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 0 0 .75rem; padding: 0; list-style: none; font-size: .875rem; }
.legend li { display: flex; align-items: center; gap: .5rem; }
.legend svg { flex: none; overflow: visible; fill: none; }
aside { margin: 1.25rem 0; padding: .75rem 1rem; border-left: 4px solid var(--blue); background: var(--card); }
aside h3 { margin-top: 0; }
.cards { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: .75rem; margin: 0; }
.cards div { padding: .625rem .75rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); }
.cards dd { margin: 0; font-size: 1.375rem; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums; }
.cards dd > span { white-space: nowrap; }
/* The device, whose name is long. */
.cards div:last-child { grid-column: 1 / -1; }
.cards dd.words { font-size: .875rem; }
.cards dd small { display: block; font-weight: 400; line-height: 1.4; }
dt { font-size: .875rem; }
.scroller { overflow-x: auto; margin: 0 -1rem; padding: 0 1rem; position: relative; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
.scroller > table { width: 100%; }
th, td { padding: .375rem .625rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
thead th { vertical-align: bottom; font-weight: 600; white-space: normal; min-width: 4.5rem; }
tbody th { font-weight: 600; }
/* What names the rows stays where the table is scrolled, a pixel further out as borders do not stay with it. */
tr > th:first-child { position: sticky; left: calc(-1rem - 1px); background: var(--paper); z-index: 1; }
.words { text-align: left; }
tr:last-child > * { border-bottom: 0; }
.bar { display: block; height: 4px; margin-top: 3px; border-radius: 2px; background: linear-gradient(var(--blue), var(--blue)) 0 / calc(100% * var(--share)) 100% no-repeat var(--line); }
.matrix th, .matrix td { border: 1px solid var(--paper); padding: .25rem .375rem; }
.matrix tbody th { text-align: right; }
.matrix thead th { min-width: 3.25rem; text-align: center; font-weight: 400; }
.matrix thead th:first-child { font-size: .75rem; text-align: right; color: var(--muted); }
.matrix thead span { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; }
.matrix td { text-align: center; line-height: 1.2; min-width: 3.25rem; }
.matrix td small { display: block; color: inherit; font-size: .75rem; }
.matrix .none { color: var(--muted); background: var(--card); }
img { display: block; max-width: 100%; height: auto; image-rendering: pixelated; }
ol.mistakes, ol.filters { display: grid; gap: .75rem; margin: 0; padding: 0; list-style: none; }
ol.mistakes { grid-template-columns: repeat(5, 1fr); gap: 1rem; }
ol.mistakes img { width: 7rem; border: 1px solid var(--line); }
ol.mistakes p { margin: .25rem 0 0; font-size: .875rem; line-height: 1.35; overflow-wrap: break-word; }
ol.mistakes small { display: block; }
ol.filters { grid-template-columns: repeat(16, 1fr); gap: .375rem; }
ol.filters.few { grid-template-columns: repeat(auto-fill, 6rem); gap: .75rem; }
ol.filters img { width: 100%; }
.values { margin: 0; }
.values div { display: grid; grid-template-columns: minmax(8rem, 14rem) 1fr; gap: .25rem 1rem; padding: .25rem 0; border-bottom: 1px solid var(--line); font-size: .875rem; }
.values dd { margin: 0; }
@media (max-width: 44rem) {
  .wide { display: none; }
  .medium { display: block; }
  h1 { font-size: 1.4rem; }
  .cards { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  ol.mistakes { grid-template-columns: repeat(auto-fill, minmax(7.5rem, 1fr)); }
  ol.filters { grid-template-columns: repeat(8, 1fr); }
}
@media (max-width: 30rem) {
  .medium { display: none; }
  .narrow { display: block; }
  .values div { grid-template-columns: 1fr; gap: 0; }
  .cards dd { font-size: 1.2rem; }
  ol.filters.few { grid-template-columns: repeat(3, 1fr); }
}
@media print {
  body { max-width: none; padding: 0; }
  nav { display: none; }
  .scroller { overflow: visible; }
  figure, aside, tr, .cards div, .mistakes li { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
