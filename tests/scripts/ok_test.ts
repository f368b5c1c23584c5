import { assertEquals } from "@std/assert";
import { readTestCounts } from "../../scripts/ok.ts";

Deno.test("readTestCounts() reads the summary of a passed run", () => {
  const output = "a ... ok (1ms)\n\nok | 137 passed | 0 failed (3s)\n";
  assertEquals(readTestCounts(output), "137 passed, 0 failed");
});

Deno.test("readTestCounts() reads steps, ignored and filtered tests of a failed run", () => {
  const output =
    "FAILED | 2 passed (1 step) | 1 failed (2 steps) | 3 ignored (4 steps) | 5 filtered out (19ms)";
  assertEquals(readTestCounts(output), "2 passed, 1 failed, 3 skipped");
});

Deno.test("readTestCounts() reads a summary in colour", () => {
  const output =
    "\x1b[0m\x1b[32mok\x1b[0m | 1 passed | 0 failed \x1b[0m\x1b[38;5;245m(23ms)\x1b[0m\n";
  assertEquals(readTestCounts(output), "1 passed, 0 failed");
});

Deno.test("readTestCounts() takes the last summary, as a test may print one", () => {
  const output =
    "ok | 1 passed | 0 failed (3s)\nok | 7 passed | 0 failed | 1 ignored (9s)\n";
  assertEquals(readTestCounts(output), "7 passed, 0 failed, 1 skipped");
});

Deno.test("readTestCounts() returns undefined where no test ran", () => {
  assertEquals(readTestCounts("error: No test modules found"), undefined);
});
