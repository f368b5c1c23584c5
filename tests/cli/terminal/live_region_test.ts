/**
 * Tests of lines that stay at the end of a terminal, on one that is made up.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  LiveRegion,
  type Terminal,
} from "../../../src/cli/terminal/live_region.ts";
import { screenOf } from "../terminal.ts";

/** A terminal that remembers what was written, of a size that tests change. */
class RecordingTerminal implements Terminal {
  columns = 20;
  rows = 10;
  readonly writes: string[] = [];

  write(text: string): void {
    this.writes.push(text);
  }

  size(): { columns: number; rows: number } {
    return { columns: this.columns, rows: this.rows };
  }

  /** What is to be seen, if the terminal breaks lines anew when its width changes. */
  screen(): string[] {
    const typescript = this.writes.join("").replaceAll("\n", "\r\n");
    return screenOf(typescript, this.columns);
  }
}

Deno.test("LiveRegion draws in place, in one write that overwrites before it erases", () => {
  const terminal = new RecordingTerminal();
  terminal.write("before\n");
  const region = new LiveRegion(terminal);
  region.draw(["curve", "another", "bar 1"]);
  region.draw(["a long curve", "bar 2"]);
  region.draw(["c", "d", "e", "bar 3"]);
  assertEquals(terminal.screen(), ["before", "c", "d", "e", "bar 3"]);
  assertEquals(terminal.writes.length, 4);
  for (const write of terminal.writes.slice(1)) {
    const [start, end] = [write.indexOf("\x1b[K"), write.indexOf("\x1b[J")];
    assert(/[a-z]$/.test(write.slice(0, start)), "text comes first");
    assertEquals(end, write.length - 3);
  }
});

Deno.test("LiveRegion prints lines above itself, one by one and of any width", () => {
  const terminal = new RecordingTerminal();
  const region = new LiveRegion(terminal);
  region.print("first");
  region.draw(["curve", "bar"]);
  region.print("second\nthird");
  const wide = "wide ".repeat(9).trim();
  region.print(wide);
  assertEquals(terminal.writes.length, 4);
  assertEquals(
    terminal.screen(),
    ["first", "second", "third", wide, "curve", "bar"],
  );
});

Deno.test("LiveRegion cuts what is too wide or too much", () => {
  const terminal = new RecordingTerminal();
  terminal.rows = 4;
  const region = new LiveRegion(terminal);
  region.draw(["1", "2", "3", "x".repeat(50)]);
  assertEquals(terminal.screen(), ["2", "3", "x".repeat(19)]);
  terminal.columns = 0;
  region.draw(["abc"]);
  assert(terminal.writes.at(-1)!.includes("a\x1b[K"));
});

for (const columns of [19, 10, 7, 60]) {
  Deno.test(`LiveRegion is drawn once when 20 columns become ${columns}`, () => {
    const terminal = new RecordingTerminal();
    terminal.write("before\n");
    const region = new LiveRegion(terminal);
    region.draw(["c".repeat(19), "", "short", "b".repeat(12)]);
    terminal.columns = columns;
    region.draw(["curve", "bar"]);
    assertEquals(terminal.screen(), ["before", "curve", "bar"]);
  });
}

Deno.test("LiveRegion goes away without a trace, or stays", () => {
  const terminal = new RecordingTerminal();
  terminal.write("before\n");
  const region = new LiveRegion(terminal);
  region.clear();
  region.leave();
  assertEquals(terminal.writes.length, 1);
  region.draw(["curve", "bar"]);
  region.clear();
  region.clear();
  terminal.write("between\n");
  region.draw(["curve"]);
  region.leave();
  terminal.write("after\n");
  region.draw(["bar"]);
  assertEquals(
    terminal.screen(),
    ["before", "between", "curve", "after", "bar"],
  );
});
