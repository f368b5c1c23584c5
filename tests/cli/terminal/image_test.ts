/** Tests of images on a terminal: as escape sequences, and as characters. */

import { assert, assertEquals } from "@std/assert";
import {
  drawCharacters,
  terminalImage,
} from "../../../src/cli/terminal/image.ts";

type Env = Record<string, string>;

const KITTY: Env = { TERM: "xterm-kitty", KITTY_WINDOW_ID: "1" };
const ITERM: Env = { TERM: "xterm-256color", TERM_PROGRAM: "iTerm.app" };

/** As many bytes as asked for, of all values; they need not be a PNG file. */
function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 97 + (i >> 8)) % 256);
}

/** Control data and payload of the commands of the kitty protocol that a text consists of. */
function readKitty(text: string): { keys: Env; payload: string }[] {
  // deno-lint-ignore no-control-regex -- reads the escape sequences of a terminal
  const command = /\x1b_G([^;\x1b]*);([A-Za-z0-9+/=]*)\x1b\\/g;
  const found = [...text.matchAll(command)];
  assertEquals(found.map(([whole]) => whole).join(""), text);
  return found.map(([, control, payload]) => ({
    keys: Object.fromEntries(control.split(",").map((key) => key.split("="))),
    payload,
  }));
}

/** Which protocol is used. */
function protocolIn(env: Env): string | undefined {
  const text = terminalImage(bytes(3), env);
  if (text === undefined) return undefined;
  return text.startsWith("\x1b_G") ? "kitty" : "iterm2";
}

Deno.test("terminalImage() sends a small image to kitty in one chunk", () => {
  const png = bytes(100);
  const [command, ...others] = readKitty(terminalImage(png, KITTY)!);
  assertEquals(others, []);
  assertEquals(command.keys, { a: "T", f: "100", q: "2", m: "0" });
  assertEquals(Uint8Array.fromBase64(command.payload), png);
});

Deno.test("terminalImage() cuts a large image into chunks for kitty", () => {
  // 3072 bytes are 4096 characters.
  for (
    const [length, numChunks] of [[3072, 1], [3073, 2], [6144, 2], [10000, 4]]
  ) {
    const png = bytes(length);
    const commands = readKitty(terminalImage(png, KITTY)!);
    assertEquals(commands.length, numChunks);
    commands.forEach(({ keys, payload }, i) => {
      const isLast = i === numChunks - 1;
      assertEquals(keys.m, isLast ? "0" : "1");
      if (i > 0) assertEquals(Object.keys(keys), ["m"]);
      assert(payload.length > 0 && payload.length <= 4096);
      if (!isLast) assertEquals(payload.length % 4, 0);
    });
    const text = commands.map(({ payload }) => payload).join("");
    assertEquals(Uint8Array.fromBase64(text), png);
  }
});

Deno.test("terminalImage() sends an image to iTerm2 in one piece", () => {
  const png = bytes(10000);
  const text = terminalImage(png, ITERM)!;
  const [, keys, payload] =
    // deno-lint-ignore no-control-regex -- reads the escape sequences of a terminal
    text.match(/^\x1b\]1337;File=([^:]*):([A-Za-z0-9+/=]*)\x07$/)!;
  assertEquals(keys.split(";").toSorted(), ["inline=1", "size=10000"]);
  assertEquals(Uint8Array.fromBase64(payload), png);
});

Deno.test("terminalImage() knows terminals by their environment", () => {
  const TERM = "xterm-256color";
  const cases: [protocol: string | undefined, env: Env][] = [
    ["kitty", { TERM: "xterm-kitty" }],
    ["kitty", { TERM: "xterm-ghostty" }],
    ["kitty", { TERM, KITTY_WINDOW_ID: "3" }],
    ["kitty", { TERM, TERM_PROGRAM: "ghostty" }],
    ["iterm2", { TERM, TERM_PROGRAM: "iTerm.app" }],
    ["iterm2", { TERM, TERM_PROGRAM: "WezTerm" }],
    ["iterm2", { TERM, LC_TERMINAL: "iTerm2" }],
    [undefined, {}],
    [undefined, { TERM }],
    [undefined, { TERM: "dumb", TERM_PROGRAM: "iTerm.app" }],
    [undefined, { TERM, TERM_PROGRAM: "Apple_Terminal" }],
    [undefined, { TERM, TERM_PROGRAM: "vscode" }],
    [undefined, { TERM, LC_TERMINAL: "other" }],
    [undefined, { TERM, KITTY_WINDOW_ID: "" }],
  ];
  for (const [protocol, env] of cases) {
    assertEquals(protocolIn(env), protocol, JSON.stringify(env));
  }
});

Deno.test("terminalImage() goes by the innermost terminal", () => {
  const TERM = "xterm-256color";
  // kitty started from iTerm2, WezTerm started from kitty, an editor started from either.
  assertEquals(protocolIn({ ...ITERM, ...KITTY }), "kitty");
  assertEquals(
    protocolIn({ ...KITTY, TERM, TERM_PROGRAM: "WezTerm" }),
    "iterm2",
  );
  assertEquals(
    protocolIn({
      ...KITTY,
      TERM,
      LC_TERMINAL: "iTerm2",
      TERM_PROGRAM: "vscode",
    }),
    undefined,
  );
});

Deno.test("terminalImage() shows nothing inside tmux and screen", () => {
  for (const terminal of [KITTY, ITERM]) {
    assertEquals(
      protocolIn({ ...terminal, TMUX: "/tmp/tmux-0/default,1,0" }),
      undefined,
    );
    for (const TERM of ["screen", "screen-256color", "tmux-256color"]) {
      assertEquals(protocolIn({ ...terminal, TERM }), undefined);
    }
  }
});

/** Lines of images, each of rows of grey levels, with 80 columns and without colour unless something else is asked for. */
function draw(
  images: number[][][],
  { columns = 80, hasColor = false, captions = images.map(() => "bag") } = {},
): string[] {
  const values = Float32Array.from(images.flat(2), (level) => level / 255);
  const [height, width] = [images[0].length, images[0][0].length];
  return drawCharacters({
    images: values,
    shape: [images.length, height, width, 1],
    captions,
  }, { columns, hasColor }).split("\n");
}

/** A half block of two grey levels, in 24-bit colours. */
function block(top: number, bottom: number): string {
  const [t, b] = [top, bottom].map((level) => Array(3).fill(level).join(";"));
  return `\x1b[38;2;${t};48;2;${b}m▀`;
}

Deno.test("drawCharacters() draws half blocks of the exact grey levels", () => {
  const image = [[0, 255, 1], [128, 7, 254]];
  assertEquals(draw([image], { hasColor: true }), [
    block(0, 128) + block(255, 7) + block(1, 254) + "\x1b[0m",
    "0:",
    "",
  ]);
});

Deno.test("drawCharacters() has black below the last of an odd number of rows", () => {
  const [, last] = draw([[[1], [2], [3]]], { hasColor: true });
  assertEquals(last, block(3, 0) + "\x1b[0m");
});

Deno.test("drawCharacters() draws characters from light to dense without colour", () => {
  const levels = [0, 64, 128, 192, 255];
  const [picture] = draw([[levels, levels]]);
  const density = [...picture].map((char) => " .:-=+*#%@".indexOf(char));
  assertEquals([density[0], density[4]], [0, 9]);
  assertEquals(density, density.toSorted((a, b) => a - b));
  assertEquals(new Set(density).size, 5);
});

Deno.test("drawCharacters() has the mean of two rows in a character", () => {
  assertEquals(draw([[[255], [1]]]), draw([[[128], [128]]]));
});

Deno.test("drawCharacters() leaves out rows and columns of a wide image", () => {
  const image = Array.from(
    { length: 4 },
    (_, y) => Array.from({ length: 40 }, (_, x) => y % 2 || x % 2 ? 0 : 255),
  );
  assertEquals(draw([image])[0], "@".repeat(20));
});

Deno.test("drawCharacters() puts as many images in a row as the terminal is wide", () => {
  const image = Array(2).fill(Array(8).fill(255));
  const captions = ["bag", "coat", "bag"];
  const drawThree = (columns: number) =>
    draw([image, image, image], { captions, columns });
  const full = "@".repeat(8);
  const twoRows = [
    `${full}  ${full}`,
    "0: bag    1: coat",
    "",
    full,
    "2: bag",
    "",
  ];
  assertEquals(drawThree(18), twoRows);
  assertEquals(drawThree(27), twoRows);
  assertEquals(drawThree(28).length, 3);
  for (const columns of [17, 8, 1, 0]) {
    assertEquals(drawThree(columns).length, 9);
  }
});

Deno.test("drawCharacters() cuts captions that are wider than the image", () => {
  const image = Array(2).fill(Array(5).fill(0));
  const [, line] = draw([image, image], { captions: ["coat", "coat"] });
  assertEquals(line, "0: co  1: co");
});
