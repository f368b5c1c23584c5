/** Tests of the comparisons that other tests rely on. */

import { assertThrows } from "@std/assert";
import { assertClose, assertCloseTensor } from "./compare.ts";

Deno.test("assertClose() allows absolute + relative * |expected|", () => {
  assertClose([1.015, -100.9], [1, -100], { absolute: 0.01, relative: 0.01 });
  assertThrows(
    () => assertClose([1.03], [1], { absolute: 0.01, relative: 0.01 }),
    Error,
    "1.03 is not 1",
  );
});

Deno.test("assertClose() names the worst number", () => {
  assertThrows(
    () => assertClose([0.2, 5, 0.3], [0, 0, 0], { absolute: 0.1, what: "x" }),
    Error,
    "x: 3 of 3 differ by more than 0.1 + 0 * |expected|; the worst is number 1: 5 is not 0",
  );
});

Deno.test("assertClose() takes NaN for no number and refuses another count", () => {
  assertThrows(() => assertClose([NaN], [NaN], { absolute: Infinity }));
  assertThrows(() => assertClose([NaN, 1], [0, 0], { absolute: 0.1 }));
  assertThrows(() => assertClose([1], [1, 2], { absolute: Infinity }));
});

Deno.test("assertCloseTensor() compares with the largest element and with the length", () => {
  assertCloseTensor([100, 0.005], [100, 0], { relative: 1e-4 });
  assertThrows(() =>
    assertCloseTensor([100, 0.02], [100, 0], { relative: 1e-4 })
  );
  // Each element is within 1e-3 of the largest, yet all but one are wrong.
  const expected = [1, ...new Array(1000).fill(1e-3)];
  assertThrows(
    () => assertCloseTensor([1, ...new Array(1000)], expected, { relative: 1 }),
    Error,
  );
  assertThrows(
    () =>
      assertCloseTensor([1, ...new Array(1000).fill(0)], expected, {
        relative: 1e-3,
      }),
    Error,
    "length of the difference",
  );
});
