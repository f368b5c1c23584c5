/**
 * Tests of steps of formulas by native kernels alone: on memory that is full of NaN, all of which is given back, and on
 * parameters that are computed in several parts.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { tf } from "../../../src/device/tf.ts";
import { device, setDevice } from "../../../src/device/device.ts";
import { nativeBackend, nativeTest } from "../../native.ts";
import { checkUpdate, makeParameter, UPDATE_CASES } from "../update_cases.ts";
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

nativeTest(
  "nativeUpdate() gives memory back where the library fails",
  async (library) => {
    const backend = await nativeBackend();
    const { names, formula } = UPDATE_CASES["RMSprop, centered"];
    const parameter = makeParameter(names, 1 << 15);
    device().update(formula, [parameter]);
    const { lentBytes } = backend.arrays;
    const { call } = library;
    const fail = () => {
      throw new Error("it failed");
    };
    Object.assign(library, {
      call: (...[name, ...values]: Parameters<typeof call>) =>
        name === "dnnl_primitive_execute" ? fail() : call(name, ...values),
    });
    try {
      assertThrows(
        () => device().update(formula, [parameter]),
        Error,
        "it failed",
      );
    } finally {
      Object.assign(library, { call });
    }
    assertEquals(backend.arrays.lentBytes, lentBytes);
    tf.dispose([parameter.gradient, ...Object.values(parameter.variables)]);
  },
);
