/**
 * Images on a terminal: the PNG itself where a terminal is known to show it, else pictures of characters.
 *
 * @module
 */

import type { Image, Sample } from "../../data/dataset.ts";

/** Ways to send an image, by the name that a terminal calls itself. */
type Protocol = "kitty" | "iterm2";

/** By `TERM`, which every terminal sets for itself; so it outweighs what was inherited from another one. */
const BY_TERM: ReadonlyMap<string, Protocol> = new Map([
  ["xterm-kitty", "kitty"],
  ["xterm-ghostty", "kitty"],
]);

/** By `TERM_PROGRAM`. WezTerm knows both protocols, and documents that of iTerm2. */
const BY_PROGRAM: ReadonlyMap<string, Protocol> = new Map([
  ["ghostty", "kitty"],
  ["iTerm.app", "iterm2"],
  ["WezTerm", "iterm2"],
]);

/** Values of `TERM` of multiplexers, which do not pass images on, and of what shows nothing but text. */
const TEXT_ONLY = /^(?:screen|tmux|dumb)/;

/** Most characters of base64 in a chunk of the kitty protocol; a multiple of 4, as it demands. */
const MOST_PER_CHUNK = 4096;

/**
 * Finds the escape sequence that shows a PNG file at the cursor and leaves the cursor on the last line of the image, by the
 * environment variables; `undefined` where the terminal is not known to show images.
 */
export function terminalImage(
  png: Uint8Array,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const protocol = protocolOf(env);
  if (protocol === undefined) return undefined;
  return protocol === "kitty" ? kitty(png) : iterm2(png);
}

function protocolOf(
  env: Readonly<Record<string, string | undefined>>,
): Protocol | undefined {
  const { TERM = "", TERM_PROGRAM } = env;
  if (env.TMUX || TEXT_ONLY.test(TERM)) return undefined;
  const byTerm = BY_TERM.get(TERM);
  if (byTerm) return byTerm;
  // What comes after may stem from the terminal that this one was started in: it counts only where this one has no name.
  if (TERM_PROGRAM) return BY_PROGRAM.get(TERM_PROGRAM);
  if (env.KITTY_WINDOW_ID) return "kitty";
  // Unlike the others, this one is passed on by ssh.
  return env.LC_TERMINAL === "iTerm2" ? "iterm2" : undefined;
}

/**
 * The kitty graphics protocol, https://sw.kovidgoyal.net/kitty/graphics-protocol/ ("The transmission medium", "Remote
 * client"): `a=T` shows what is sent, `f=100` says that it is a PNG file, `q=2` keeps the terminal from answering, as nobody
 * reads the answer. Chunks after the first have nothing but `m`, which is 0 on the last chunk only.
 */
function kitty(png: Uint8Array): string {
  const text = png.toBase64();
  const numChunks = Math.max(1, Math.ceil(text.length / MOST_PER_CHUNK));
  return Array.from({ length: numChunks }, (_, i) => {
    const start = i * MOST_PER_CHUNK;
    const chunk = text.slice(start, start + MOST_PER_CHUNK);
    const more = i < numChunks - 1 ? 1 : 0;
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

/** Most characters in a row of an image. */
const MAX_WIDTH = 32;

/**
 * Draws images of one channel, all of one size, side by side with their labels beneath. A character is two pixels high. An
 * image that is too wide is thinned out.
 */
export function contactSheet(
  wide: readonly Sample[],
  options: ContactSheetOptions,
): string {
  const samples = wide.map(shrink);
  const width = samples[0].image.width;
  const perRow = Math.max(
    1,
    Math.floor((options.columns + GAP.length) / (width + GAP.length)),
  );
  const lines: string[] = [];
  for (let first = 0; first < samples.length; first += perRow) {
    const row = samples.slice(first, first + perRow);
    const pictures = row.map(({ image }) => draw(image, options.hasColor));
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

function draw(image: Image, hasColor: boolean): string[] {
  const { height, width, data, maxValue } = image;
  const shade = (y: number, x: number) =>
    y < height ? data[y * width + x] / maxValue : 0;
  return Array.from(
    { length: Math.ceil(height / 2) },
    (_, row) =>
      Array.from({ length: width }, (_, x) => {
        const [top, bottom] = [shade(2 * row, x), shade(2 * row + 1, x)];
        return hasColor
          ? colored(top, bottom)
          : RAMP[Math.round((top + bottom) / 2 * (RAMP.length - 1))];
      }).join("") + (hasColor ? "\x1b[0m" : ""),
  );
}

/** A half block whose foreground is the upper pixel and whose background is the lower one. */
function colored(top: number, bottom: number): string {
  const grey = (shade: number) => {
    const level = Math.round(shade * 255);
    return `${level};${level};${level}`;
  };
  return `\x1b[38;2;${grey(top)};48;2;${grey(bottom)}m\u2580`;
}

/** Leaves out pixels of an image that is too wide for characters. */
function shrink({ image, label }: Sample): Sample {
  const step = Math.ceil(image.width / MAX_WIDTH);
  if (step === 1) return { image, label };
  const [height, width] = [image.height, image.width].map((side) =>
    Math.ceil(side / step)
  );
  const data = Float32Array.from(
    { length: height * width },
    (_, i) =>
      image.data[
        step * (Math.floor(i / width) * image.width + i % width)
      ],
  );
  return { image: { ...image, data, height, width }, label };
}
