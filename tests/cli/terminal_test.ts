/**
 * Tests of what a person sees on a terminal: the program runs on a real one, made by `script` of util-linux.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { makeFolder } from "../data/folder.ts";
import { EPOCH_LINE, hasAdapter, run, TINY } from "./program.ts";

const COLUMNS = 120;

/** Why the tests cannot run here, if they cannot. */
const OBSTACLE: string | undefined = await run("script", {
  args: ["--version"],
}).then(
  ({ stdout }) =>
    stdout.includes("util-linux") ? undefined : "script is another program",
  (error: Error) => error.message,
);
if (OBSTACLE !== undefined) {
  console.log(`Tests on a terminal are ignored: ${OBSTACLE}`);
}
const ignore = OBSTACLE !== undefined;
const adapterFound = await hasAdapter();
if (!adapterFound) {
  console.log("A test of the bar is ignored: no WebGPU adapter");
}

/** What the program writes to a terminal of {@linkcode COLUMNS} columns, control sequences included. */
async function typescriptOf(args: readonly string[]): Promise<string> {
  const words = [Deno.execPath(), "run", "-A", "mod.ts", ...args];
  const command = words.map((word) => `'${word}'`).join(" ");
  const { code, stdout } = await run("script", {
    args: [
      "-qec",
      `stty cols ${COLUMNS} rows 40 && ${command}`,
      "/dev/null",
    ],
  });
  assertEquals(code, 0, stdout);
  return stdout;
}

/** What is left on the screen: enough of a terminal for a bar on the last line. */
function screenOf(typescript: string): string[] {
  const lines: string[] = [];
  let [line, column] = ["", 0];
  // deno-lint-ignore no-control-regex -- reads the escape sequences of a terminal
  const tokens = /\x1b\[(\??)([\d;]*)([A-Za-z])|[^\x1b]/g;
  for (const [token, , value, command] of typescript.matchAll(tokens)) {
    if (token === "\n") {
      lines.push(line.trimEnd());
      line = "";
    } else if (token === "\r") column = 0;
    else if (command === "G") column = Math.max(Number(value) - 1, 0);
    else if (command === "K" && value === "2") line = "";
    else if (command === "K" || command === "J") line = line.slice(0, column);
    else if (command === undefined) {
      line = line.padEnd(column).slice(0, column) + token +
        line.slice(column + 1);
      column++;
    }
  }
  return [...lines, line.trimEnd()];
}

Deno.test({
  name: "train draws a bar on a terminal and leaves whole lines only",
  ignore: ignore || !adapterFound,
  async fn() {
    const typescript = await typescriptOf([
      ...["train", ...TINY, "--train-samples", "512", "--batch-size", "64"],
      ...["--log-every", "4"],
    ]);
    assertMatch(
      typescript,
      /epoch 1 \[=+-*\] \d+% loss \d+\.\d{4}, acc \d\.\d{3}, [\d.]+ images\/s, \d+ s left/,
    );
    const screen = screenOf(typescript);
    const start = screen.findIndex((line) => line.startsWith("recipe: "));
    const [estimate, step4, step8, epoch, ...rest] = screen.slice(start + 1);
    assertMatch(estimate, /^estimated training time: \d+ s for 1 epoch at /);
    assertMatch(step4, /^epoch 1, step 4 of 8, loss .+ images\/s$/);
    assertMatch(step8, /^epoch 1, step 8 of 8, loss .+ images\/s$/);
    assertMatch(epoch, EPOCH_LINE);
    assertEquals(rest, [""]);
    // The cursor and the wrapping of lines are as they were.
    const [hide, show] = ["\x1b[?25l", "\x1b[?25h"];
    assert(typescript.lastIndexOf(hide) <= typescript.lastIndexOf(show));
    const [cut, wrap] = ["\x1b[?7l", "\x1b[?7h"];
    assert(typescript.lastIndexOf(cut) <= typescript.lastIndexOf(wrap));
  },
});

for (const option of ["--no-progress", "--quiet"]) {
  Deno.test({
    name: `train ${option} draws no bar on a terminal`,
    ignore,
    async fn() {
      const typescript = await typescriptOf([
        ...["train", ...TINY, "--device", "cpu", option],
      ]);
      // Deno clears the line before the program starts, and nothing is cleared after that.
      const printed = typescript.replace(/^(\p{Cc}\[[02]?[GKJ])+/u, "");
      assertEquals(printed.includes("\x1b"), false);
      assertMatch(printed.replaceAll("\r", ""), EPOCH_LINE);
    },
  });
}

Deno.test({
  name: "data show fills the width of the terminal with half blocks",
  ignore,
  async fn() {
    await using folder = await makeFolder();
    const typescript = await typescriptOf([
      ...["data", "show", "--source", "sample", "--count", "5"],
      ...["--output", `${folder.path}/sheet.png`],
    ]);
    assertMatch(typescript, /\[38;2;(\d+;){3}48;2;\d+;\d+;\d+m▀/);
    const widths = screenOf(typescript).filter((line) => line.includes("▀"))
      .map((line) => line.length);
    assertEquals(widths.length, 2 * 14);
    assertEquals([widths[0], widths[14]], [4 * 28 + 3 * 2, 28]);
    assert(widths.every((width) => width <= COLUMNS));
  },
});
