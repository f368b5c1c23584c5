/** Tests of what a person sees on a terminal: the program runs on a real one, made by `script` of util-linux. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { makeFolder } from "../data/folder.ts";
import { EPOCH_LINE, hasAdapter, TINY } from "./program.ts";
import {
  screenOf,
  TERMINAL_OBSTACLE,
  typescriptOf,
  withoutPrelude,
} from "./terminal.ts";

const COLUMNS = 120;

if (TERMINAL_OBSTACLE !== undefined) {
  console.log(`Tests on a terminal are ignored: ${TERMINAL_OBSTACLE}`);
}
const ignore = TERMINAL_OBSTACLE !== undefined;
const adapterFound = await hasAdapter();
if (!adapterFound) {
  console.log("A test of the bar is ignored: no WebGPU adapter");
}

Deno.test({
  name:
    "train draws a bar and curves on a terminal and leaves the curves and whole lines only",
  ignore: ignore || !adapterFound,
  async fn() {
    const typescript = await typescriptOf([
      ...[
        "mod.ts",
        "train",
        ...TINY,
        "--train-samples",
        "512",
        "--batch-size",
        "64",
      ],
      ...["--log-every", "4"],
    ]);
    assertMatch(
      typescript,
      /epoch 1 \[=+-*\] +\d+% loss \d+\.\d{4}, acc \d\.\d{3}, [\d.]+ images\/s, .+ left/,
    );
    const screen = screenOf(typescript);
    const start = screen.findIndex((line) => line.startsWith("recipe: "));
    // Where other programs compute as well, one may say that training waited for its batches.
    const [estimate, step4, step8, epoch, ...rest] = screen.slice(start + 1)
      .filter((line) => !line.startsWith("note: "));
    assertMatch(estimate, /^estimated training time: .+ for 1 epoch at /);
    assertMatch(step4, /^epoch 1, step 4 of 8, loss .+ images\/s$/);
    assertMatch(step8, /^epoch 1, step 8 of 8, loss .+ images\/s$/);
    assertMatch(epoch, EPOCH_LINE);
    assertMatch(rest[0], /^loss, epoch 1, o test +acc, epoch 1, o test$/);
    assert(rest.slice(1, 6).every((line) => /^.{5}\|.+\|/.test(line)));
    assertMatch(rest[6], /^ +\+-+\+ +\+-+\+$/);
    assertEquals(rest.slice(7), [""]);
    // No mode of the terminal is changed, so none has to be restored.
    assertEquals(typescript.includes("\x1b[?"), false);
  },
});

for (const option of ["--no-progress", "--quiet"]) {
  Deno.test({
    name: `train ${option} writes no control characters to a terminal`,
    ignore,
    async fn() {
      const typescript = await typescriptOf([
        ...["mod.ts", "train", ...TINY, "--device", "cpu", option],
      ]);
      const printed = withoutPrelude(typescript).replaceAll("\r\n", "\n");
      assertEquals(/[^\P{Cc}\n]/u.test(printed), false, printed);
      assertMatch(printed, EPOCH_LINE);
    },
  });
}

Deno.test({
  name: "data show fills the width of the terminal with half blocks",
  ignore,
  async fn() {
    await using folder = await makeFolder();
    const typescript = await typescriptOf([
      ...["mod.ts", "data", "show", "--source", "sample", "--count", "5"],
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
