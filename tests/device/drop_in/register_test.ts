/**
 * Tests of our kernels as a drop-in for TensorFlow.js's own: what they leave to those, and that no two cases share a
 * shader.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Tensor, tf } from "../../../src/device/tf.ts";
import { registerKernels } from "../../../src/device/drop_in/register.ts";
import { assertCloseTensor } from "../../compare.ts";
import { readBoth, use, webgpuTest } from "../../device.ts";
import {
  assertTwinsDiffer,
  computeTwins,
  COVERED,
  MISMATCHES,
  TWINS,
  UNCOVERED,
} from "./register_cases.ts";
import { type Calls, REPLACED, watchCalls } from "./stock_calls.ts";

/** Sums of a few dozen terms. */
const RELATIVE = 1e-6;

const takeCalls = await watchCalls();
const getFunctions = () =>
  REPLACED.map((name) => tf.getKernel(name, "webgpu").kernelFunc);
const STOCK = getFunctions();

webgpuTest("registerKernels() replaces eight kernels, once", async () => {
  assertEquals((await registerKernels()).sort(), REPLACED);
  const registered = getFunctions();
  registered.forEach((kernel, i) => assert(kernel !== STOCK[i]));
  assertEquals((await registerKernels()).sort(), REPLACED);
  getFunctions().forEach((kernel, i) => assert(kernel === registered[i]));
});

/** Asserts that WebGPU gives what the CPU does, and gives the calls that this took. */
async function compare(compute: () => Tensor): Promise<Calls> {
  const seen: string[] = [];
  takeCalls();
  const { webgpu, cpu } = await readBoth(() => {
    const output = compute();
    seen.push(`${output.dtype} ${output.shape}`);
    return [output];
  });
  assertEquals(seen[0], seen[1]);
  assertCloseTensor(webgpu[0], cpu[0], { relative: RELATIVE });
  return takeCalls();
}

for (const [what, compute] of Object.entries(UNCOVERED)) {
  webgpuTest(`registerKernels() leaves ${what} to TensorFlow.js`, async () => {
    const { all, stock } = await compare(compute);
    assertEquals(stock, all);
    assert(all.length > 0, "no call of a replaced kernel");
  });
}

for (const [what, compute] of Object.entries(COVERED)) {
  webgpuTest(
    `registerKernels() gives ${what} as TensorFlow.js does`,
    async () => {
      const { all, stock } = await compare(compute);
      assertEquals(stock, []);
      assert(all.length > 0, "no call of a replaced kernel");
    },
  );
}

for (const [what, compute] of Object.entries(MISMATCHES)) {
  webgpuTest(
    `registerKernels() keeps TensorFlow.js's error for ${what}`,
    async () => {
      const messages: string[] = [];
      for (const device of ["plain", "webgpu"] as const) {
        await use(device);
        const error = assertThrows(() => tf.tidy(compute), Error);
        messages.push(error.message);
      }
      assertEquals(messages[1], messages[0]);
    },
  );
}

for (const what of Object.keys(TWINS)) {
  webgpuTest(`registerKernels() tells apart ${what}`, async () => {
    takeCalls();
    const { webgpu, cpu } = await readBoth(() => computeTwins(what));
    assertEquals(takeCalls().stock, []);
    webgpu.forEach((values, i) =>
      assertCloseTensor(values, cpu[i], { relative: RELATIVE })
    );
    assertTwinsDiffer(webgpu);
  });
}
