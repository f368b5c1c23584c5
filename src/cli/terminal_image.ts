/**
 * PNG images inside a terminal, for those terminals that are known to show them.
 *
 * @module
 */

/** Ways to send an image, by the name that a terminal calls itself. */
type _Protocol = "kitty" | "iterm2";

/** By `TERM`, which every terminal sets for itself; so it outweighs what was inherited from another one. */
const BY_TERM: ReadonlyMap<string, _Protocol> = new Map([
  ["xterm-kitty", "kitty"],
  ["xterm-ghostty", "kitty"],
]);

/** By `TERM_PROGRAM`. WezTerm knows both protocols, and documents that of iTerm2. */
const BY_PROGRAM: ReadonlyMap<string, _Protocol> = new Map([
  ["ghostty", "kitty"],
  ["iTerm.app", "iterm2"],
  ["WezTerm", "iterm2"],
]);

/** Values of `TERM` of multiplexers, which do not pass images on, and of what shows nothing but text. */
const TEXT_ONLY = /^(?:screen|tmux|dumb)/;

/** Most characters of base64 in a chunk of the kitty protocol; a multiple of 4, as it demands. */
const MOST_PER_CHUNK = 4096;

/**
 * Finds what to write to the terminal so that it shows an image at the cursor.
 *
 * @param png The bytes of a PNG file.
 * @param env The environment variables, for example `Deno.env.toObject()`.
 * @returns The escape sequence, after which the cursor is on the last line of the image; `undefined` where the terminal is
 * not known to show images.
 */
export function terminalImage(
  png: Uint8Array,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const protocol = _protocolOf(env);
  if (protocol === undefined) return undefined;
  return protocol === "kitty" ? _kitty(png) : _iterm2(png);
}

function _protocolOf(
  env: Readonly<Record<string, string | undefined>>,
): _Protocol | undefined {
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
function _kitty(png: Uint8Array): string {
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
function _iterm2(png: Uint8Array): string {
  return `\x1b]1337;File=inline=1;size=${png.length}:${png.toBase64()}\x07`;
}
