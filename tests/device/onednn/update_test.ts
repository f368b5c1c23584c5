/**
 * Tests of steps of formulas by native kernels alone: on memory that is full of NaN, all of which is given back, and on
 * parameters that are computed in several parts.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { device, setDevice } from "../../../src/device/device.ts";
import { nativeBackend, nativeTest } from "../../native.ts";
import { checkUpdate, UPDATE_CASES } from "../update_cases.ts";
import { poisoned } from "./run.ts";

for (const [what, updateCase] of Object.entries(UPDATE_CASES)) {
  nativeTest(`nativeUpdate() with ${what} gives all memory back`, async () => {
    const backend = await nativeBackend();
    const { lentBytes } = backend.arrays;
    const native = device();
    setDevice({
      ...native,
      update: (...args) => poisoned(backend, () => native.update(...args)),
    });
    try {
      const sizes = [1, 4097, (1 << 18) + 5];
      await checkUpdate(updateCase, { sizes, factors: [0.5, 2] });
    } finally {
      setDevice(native);
    }
    assertEquals(backend.arrays.lentBytes, lentBytes);
  });
}
