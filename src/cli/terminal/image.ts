/** Images on a terminal: the PNG itself where a terminal is known to show it, else pictures of characters. */

import type { ContactSheet } from "../../io/contact_sheet.ts";

/** The environment variables of a program. */
type Env = Readonly<Record<string, string | undefined>>;

/** Shows a PNG file at the cursor, and leaves the cursor on the last line of the image. */
type Protocol = (png: Uint8Array) => string;

/** By `TERM`, which every terminal sets for itself; so it outweighs what was inherited from another one. */
const BY_TERM: ReadonlyMap<string, Protocol> = new Map([
  ["xterm-kitty", kitty],
  ["xterm-ghostty", kitty],
]);

/** By `TERM_PROGRAM`. WezTerm knows both protocols, and documents that of iTerm2. */
const BY_PROGRAM: ReadonlyMap<string, Protocol> = new Map([
  ["ghostty", kitty],
  ["iTerm.app", iterm2],
  ["WezTerm", iterm2],
]);

/** Values of `TERM` of multiplexers, which do not pass images on, and of what shows nothing but text. */
const TEXT_ONLY = /^(?:screen|tmux|dumb)/;

/** The escape sequence that shows a PNG file; `undefined` if the terminal is not known to show images. */
export function terminalImage(png: Uint8Array, env: Env): string | undefined {
  return protocolOf(env)?.(png);
}

function protocolOf(env: Env): Protocol | undefined {
  const { TERM = "", TERM_PROGRAM } = env;
  if (env.TMUX || TEXT_ONLY.test(TERM)) return undefined;
  const byTerm = BY_TERM.get(TERM);
  if (byTerm) return byTerm;
  // The other variables may stem from the terminal that this one was started in: they count only where this one has no name.
  if (TERM_PROGRAM) return BY_PROGRAM.get(TERM_PROGRAM);
  if (env.KITTY_WINDOW_ID) return kitty;
  // Unlike the others, this one is passed on by ssh.
  return env.LC_TERMINAL === "iTerm2" ? iterm2 : undefined;
}

/**
 * The kitty graphics protocol, https://sw.kovidgoyal.net/kitty/graphics-protocol/ ("The transmission medium", "Remote
 * client"): `a=T` shows what is sent, `f=100` says that it is a PNG file, `q=2` keeps the terminal from answering, as nobody
 * reads the answer. Chunks after the first have nothing but `m`, which is 0 on the last chunk only.
 */
function kitty(png: Uint8Array): string {
  // The most that a chunk may have; all but the last must have a multiple of 4.
  const chunks = png.toBase64().match(/.{1,4096}/g) ?? [""];
  return chunks.map((chunk, i) => {
    const more = i < chunks.length - 1 ? 1 : 0;
    return `\x1b_G${i === 0 ? "a=T,f=100,q=2," : ""}m=${more};${chunk}\x1b\\`;
  }).join("");
}

/**
 * The inline images of iTerm2, https://iterm2.com/documentation-images.html; WezTerm has them too,
 * https://wezterm.org/imgcat.html.
 */
function iterm2(png: Uint8Array): string {
  return `\x1b]1337;File=inline=1;size=${png.length}:${png.toBase64()}\x07`;
}

/** From black to white, for terminals without colour. */
const RAMP = " .:-=+*#%@";

const GAP = "  ";

/** Most characters in a row of an image. */
const MAX_WIDTH = 32;

/**
 * Draws images of one channel, with their captions beneath, side by side in so many columns of characters. A character is two
 * pixels high. An image that is too wide is thinned out.
 */
export function drawCharacters(
  { images, shape, captions }: ContactSheet,
  { columns, hasColor }: { columns: number; hasColor: boolean },
): string {
  const [count, fullHeight, fullWidth] = shape;
  const step = Math.ceil(fullWidth / MAX_WIDTH);
  const height = Math.ceil(fullHeight / step);
  const width = Math.ceil(fullWidth / step);
  const shadeOf = (i: number, y: number, x: number) =>
    y < height ? images[(i * fullHeight + step * y) * fullWidth + step * x] : 0;
  const lineOf = (i: number, y: number) => {
    const line = Array.from({ length: width }, (_, x) => {
      const [top, bottom] = [shadeOf(i, y, x), shadeOf(i, y + 1, x)];
      if (hasColor) return colored(top, bottom);
      return RAMP[Math.round((top + bottom) / 2 * (RAMP.length - 1))];
    }).join("");
    return hasColor ? `${line}\x1b[0m` : line;
  };
  const numFit = Math.floor((columns + GAP.length) / (width + GAP.length));
  const perRow = Math.max(1, numFit);
  const lines: string[] = [];
  for (let first = 0; first < count; first += perRow) {
    const length = Math.min(perRow, count - first);
    const row = Array.from({ length }, (_, i) => first + i);
    for (let y = 0; y < height; y += 2) {
      lines.push(row.map((i) => lineOf(i, y)).join(GAP));
    }
    const texts = row.map((i) =>
      `${i}: ${captions[i]}`.slice(0, width).padEnd(width)
    );
    lines.push(texts.join(GAP).trimEnd(), "");
  }
  return lines.join("\n");
}

/** A half block whose foreground is the upper pixel and whose background is the lower one. */
function colored(top: number, bottom: number): string {
  const grey = (shade: number) => {
    const level = Math.round(shade * 255);
    return `${level};${level};${level}`;
  };
  return `\x1b[38;2;${grey(top)};48;2;${grey(bottom)}m\u2580`;
}
