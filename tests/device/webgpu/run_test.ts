/** Tests of what the other tests of kernels rely on: poisoned outputs and the tolerance of sums. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { tf } from "../../../src/device/tf.ts";
import { makeOutput } from "../../../src/device/webgpu/run/dispatch.ts";
import { assertClose } from "../../compare.ts";
import { webgpuTest } from "../../device.ts";
import { numbers } from "../../numbers.ts";
import { runKernel, sumTolerance, webgpuBackend } from "./run.ts";

webgpuTest(
  "runKernel() shows outputs that a kernel does not write",
  async () => {
    await webgpuBackend();
    const size = 77;
    // Buffers of that size that are free and full of ones.
    for (let i = 0; i < 4; i++) {
      const ones = tf.ones([size]);
      const negative = tf.neg(ones);
      await negative.data();
      tf.dispose([ones, negative]);
    }
    for (const dtype of ["float32", "int32"] as const) {
      const values = await runKernel({
        inputs: [{ values: new Float32Array(size), shape: [size] }],
        makes: [size],
        kernel: (backend) => {
          const output = makeOutput(backend, [size], dtype);
          backend.uploadToGPU(output.dataId);
          return output;
        },
      });
      const bits = new Int32Array(Float32Array.of(NaN).buffer)[0];
      const poison = dtype === "int32" ? Math.fround(bits) : NaN;
      assertEquals(values, new Float32Array(size).fill(poison));
    }
  },
);

webgpuTest(
  "runKernel() shows tensors that a kernel leaves behind",
  async () => {
    let left: ReturnType<typeof makeOutput> | undefined;
    const run = runKernel({
      inputs: [],
      makes: [],
      kernel: (backend) => {
        left = makeOutput(backend, [1]);
        const output = makeOutput(backend, [3]);
        backend.uploadToGPU(output.dataId);
        return output;
      },
    });
    await assertRejects(() => run, Error, "tensors after the kernel");
    tf.engine().makeTensorFromTensorInfo(left!).dispose();
  },
);

for (const depth of [1, 10, 70, 1000, 25_600]) {
  Deno.test(`sumTolerance() holds for float32 sums of ${depth} and not with one product less`, () => {
    const sums = depth < 2000 ? 2000 : 100;
    const left = numbers(depth * sums, [-1, 1], 1);
    const right = numbers(depth * sums, [-1, 1], 2);
    const tolerance = sumTolerance(left, right, depth);
    const exact = new Float64Array(sums);
    const rounded = new Float32Array(sums);
    const productsOfHalf = new Float64Array(sums);
    left.forEach((value, i) => {
      const at = Math.floor(i / depth);
      const product = value * right[i];
      exact[at] += product;
      rounded[at] += Math.fround(product);
      if (i % depth === depth >> 1) productsOfHalf[at] = product;
    });
    assertClose(rounded, exact, tolerance);
    const found = productsOfHalf.filter((product, i) =>
      Math.abs(product) >
        tolerance.absolute! + tolerance.relative! * Math.abs(exact[i])
    );
    assert(found.length > 0.97 * sums, `${found.length} of ${sums} found`);
  });
}
