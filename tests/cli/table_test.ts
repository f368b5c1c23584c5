/**
 * Tests of tables of text.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { formatTable } from "../../src/cli/table.ts";

Deno.test("formatTable() aligns text on the left and numbers on the right", () => {
  const rows = [
    ["name", "kind", "count"],
    ["a", "longer", "7"],
    ["much longer", "", "12345678"],
  ];
  assertEquals(
    formatTable(rows, { textColumns: 2 }).split("\n"),
    [
      "name         kind       count",
      "a            longer         7",
      "much longer          12345678",
    ],
  );
});

Deno.test("formatTable() takes rows of differing lengths and leaves no spaces at their ends", () => {
  assertEquals(
    formatTable([["a"], ["b", "c"], ["dd", ""]], { textColumns: 2 }),
    "a\nb   c\ndd",
  );
});
