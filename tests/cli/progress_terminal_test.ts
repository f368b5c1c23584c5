/** Tests of progress on real terminals of several sizes, and on those that want plain lines. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { run } from "./program.ts";
import {
  screenOf,
  TERMINAL_OBSTACLE,
  type TerminalOptions,
  typescriptOf,
  withoutPrelude,
} from "./terminal.ts";

const PROGRAM = "tests/cli/show_progress.ts";

/** What is printed, whatever the terminal is. */
const LINES = [
  "epoch 1, step 4 of 8, loss 2.0000, acc 0.250, 170 images/s",
  "epoch 1, step 8 of 8, loss 2.0000, acc 0.250, 170 images/s",
  "epoch 1 is over",
  "epoch 2, step 4 of 8, loss 1.0000, acc 0.500, 170 images/s",
  "epoch 2, step 8 of 8, loss 1.0000, acc 0.500, 170 images/s",
  "epoch 2 is over",
];

/** Registers a test that needs a terminal; where there is none it is ignored, and its name says why. */
function terminalTest(name: string, fn: () => Promise<void>): void {
  const ignore = TERMINAL_OBSTACLE !== undefined;
  Deno.test({
    name: ignore ? `${name} (ignored, ${TERMINAL_OBSTACLE})` : name,
    ignore,
    fn,
  });
}

for (const columns of [40, 80, 200]) {
  terminalTest(
    `ProgressView leaves lines and curves on a terminal of ${columns} columns`,
    async () => {
      const typescript = await typescriptOf([PROGRAM], { columns, rows: 24 });
      const screen = screenOf(typescript, columns);
      const curves = screen.slice(LINES.length, -2);
      assertEquals(screen.slice(0, LINES.length), LINES);
      assertEquals(screen.slice(-2), ["done", ""]);
      assertEquals(curves.length, 7);
      const widest = Math.max(...curves.map((line) => line.length));
      assert(widest < columns && widest > 0.55 * columns, `${widest}`);
      const title = columns === 40
        ? /^loss, o test +acc, o test$/
        : /^loss, epochs 1-2, o test +acc, epochs 1-2, o test$/;
      assertMatch(curves[0], title);
      assertMatch(curves[1], /^ {2}2\.0\|.*\| *$|^ {2}2\.0\|.* 0\.50\|.*o$/);
      assertMatch(curves[5], /^ {2}1\.0\|.*o +0\.24\|/);
      assertMatch(typescript, /epoch 2 \[=+-+\] {2}12%.* 7 s left/);
    },
  );
}

terminalTest(
  "ProgressView draws no curves on a terminal of 10 rows",
  async () => {
    const typescript = await typescriptOf([PROGRAM], { columns: 80, rows: 10 });
    assertMatch(typescript, /epoch 2 \[=+-+\]/);
    assertEquals(screenOf(typescript, 80), [...LINES, "done", ""]);
  },
);

const PLAIN: [name: string, options: TerminalOptions][] = [
  ["with NO_COLOR", { env: { NO_COLOR: "1" } }],
  ["where TERM is dumb", { env: { TERM: "dumb" } }],
];
for (const [name, options] of PLAIN) {
  terminalTest(
    `ProgressView ${name} prints plain lines on a terminal`,
    async () => {
      const typescript = await typescriptOf([PROGRAM], options);
      assertEquals(
        withoutPrelude(typescript),
        [...LINES, "done", ""].join("\r\n"),
      );
    },
  );
}

Deno.test("ProgressView prints plain lines where there is no terminal", async () => {
  const { stdout, stderr } = await run(Deno.execPath(), {
    args: ["run", "-A", PROGRAM],
  });
  const isResult = (line: string) => line.endsWith("is over");
  const lines = [...LINES.filter((line) => !isResult(line)), ""];
  assertEquals(stderr, lines.join("\n"));
  assertEquals(
    stdout,
    [...LINES.filter(isResult), "done", ""].join("\n"),
  );
});
