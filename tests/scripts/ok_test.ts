import { assertEquals } from "@std/assert";
import { formatTestCounts, readTestCounts } from "../../scripts/ok.ts";

Deno.test("readTestCounts() reads the summary of a passed run", () => {
  const output = "a ... ok (1ms)\n\nok | 137 passed | 0 failed (3s)\n";
  assertEquals(readTestCounts(output), {
    passed: 137,
    failed: 0,
    skipped: 0,
  });
});

Deno.test("readTestCounts() reads steps, ignored and filtered tests of a failed run", () => {
  const output =
    "FAILED | 2 passed (1 step) | 1 failed (2 steps) | 3 ignored (4 steps) | 5 filtered out (19ms)";
  assertEquals(readTestCounts(output), {
    passed: 2,
    failed: 1,
    skipped: 3,
  });
});

Deno.test("readTestCounts() reads a summary in colour", () => {
  const output =
    "\x1b[0m\x1b[32mok\x1b[0m | 1 passed | 0 failed \x1b[0m\x1b[38;5;245m(23ms)\x1b[0m\n";
  assertEquals(readTestCounts(output)?.passed, 1);
});

Deno.test("readTestCounts() takes the last summary, as a test may print one", () => {
  const output =
    "ok | 1 passed | 0 failed (3s)\nok | 7 passed | 0 failed | 1 ignored (9s)\n";
  assertEquals(readTestCounts(output), {
    passed: 7,
    failed: 0,
    skipped: 1,
  });
});

Deno.test("readTestCounts() returns undefined where no test ran", () => {
  assertEquals(readTestCounts("error: No test modules found"), undefined);
});

Deno.test("formatTestCounts() adds runs up, and leaves out skipped where there are none", () => {
  const some = { passed: 3, failed: 1, skipped: 0 };
  assertEquals(formatTestCounts([some, some]), "6 passed, 2 failed");
  const others = { passed: 1, failed: 0, skipped: 2 };
  assertEquals(
    formatTestCounts([some, others]),
    "4 passed, 1 failed, 2 skipped",
  );
});
