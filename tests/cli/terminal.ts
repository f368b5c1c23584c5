/** A real terminal for programs to run on, made by `script` of util-linux, and what people see on it. */

import { assertEquals } from "@std/assert";
import { run } from "./program.ts";

/** Why there is no terminal for tests, if there is none. */
export const TERMINAL_OBSTACLE: string | undefined = await run("script", {
  args: ["--version"],
}).then(
  ({ stdout }) =>
    stdout.includes("util-linux") ? undefined : "script is another program",
  (error: Error) => error.message,
);

/** Size of a terminal, and variables besides those of this process. */
export interface TerminalOptions {
  /** Default 120. */
  columns?: number;
  /** Default 40. */
  rows?: number;
  /** Variables. */
  env?: Record<string, string>;
}

/** Runs a program of Deno's on a terminal. */
export async function typescriptOf(
  args: readonly string[],
  { columns = 120, rows = 40, env }: TerminalOptions = {},
): Promise<string> {
  const words = [Deno.execPath(), "run", "-A", ...args];
  const command = words.map((word) => `'${word}'`).join(" ");
  const { code, stdout } = await run("script", {
    args: [
      "-qec",
      `stty cols ${columns} rows ${rows} && ${command}`,
      "/dev/null",
    ],
    env: { TERM: "xterm-256color", ...env },
  });
  assertEquals(code, 0, stdout);
  return stdout;
}

/** Leaves out what Deno itself writes before the program starts: it clears the line. */
export function withoutPrelude(typescript: string): string {
  return typescript.replace(/^(\p{Cc}\[[02]?[GKJ])+/u, "");
}

/** Works out what is left on a terminal: as much of one as programs here use. It has no end at the bottom. */
export function screenOf(typescript: string, columns = 120): string[] {
  const rows: { text: string; isWrapped: boolean }[] = [
    { text: "", isWrapped: false },
  ];
  let [y, x] = [0, 0];
  const down = (isWrapped: boolean) => {
    y++;
    if (y === rows.length) rows.push({ text: "", isWrapped });
    rows[y].isWrapped = isWrapped;
  };
  // deno-lint-ignore no-control-regex -- reads the escape sequences of a terminal
  const tokens = /\x1b\[(\??)([\d;]*)([A-Za-z])|[^\x1b]/gu;
  for (const [token, , value, command] of typescript.matchAll(tokens)) {
    const row = rows[y];
    if (token === "\n") down(false);
    else if (token === "\r") x = 0;
    else if (command === "A") y = Math.max(0, y - Number(value || 1));
    else if (command === "G") x = Math.max(Number(value || 1) - 1, 0);
    else if (command === "K" && value === "2") row.text = "";
    else if (command === "K" || command === "J") {
      row.text = row.text.slice(0, x);
      if (command === "J") rows.splice(y + 1);
    } else if (command === undefined) {
      if (x === columns) {
        down(true);
        x = 0;
      }
      const { text } = rows[y];
      rows[y].text = text.padEnd(x).slice(0, x) + token + text.slice(x + 1);
      x++;
    }
  }
  const lines: string[] = [];
  for (const { text, isWrapped } of rows) {
    if (isWrapped) lines[lines.length - 1] += text;
    else lines.push(text);
  }
  return lines.map((line) => line.trimEnd());
}
