/** Tests of what kernels read: the tensor's part of a buffer, by whichever way, and textures that grow under way. */

import { assert } from "@std/assert";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Tensor, tf } from "../../../../src/device/tf.ts";
import { throwIfDeviceFailed } from "../../../../src/device/device.ts";
import { conv2dFilterGradient } from "../../../../src/device/webgpu/conv/conv2d.ts";
import { asTensor } from "../../../../src/device/tape.ts";
import { matmul } from "../../../../src/device/webgpu/gemm/product.ts";
import { scratchBytes } from "../../../../src/device/webgpu/run/dispatch.ts";
import { convSizes } from "../../../../src/device/sizes.ts";
import { traitsOf } from "../../../../src/device/webgpu/run/ways.ts";
import { assertClose } from "../../../compare.ts";
import { webgpuTest } from "../../../device.ts";
import { numbers } from "../../../numbers.ts";
import { formTest } from "../forms.ts";
import {
  referenceConv2dFilterGradient,
  referenceMatmul,
} from "../reference.ts";
import { sumTolerance, webgpuBackend } from "../run.ts";

formTest(
  "kernels read no further than the tensor in a longer buffer",
  async () => {
    const backend = await webgpuBackend();
    const inShape = [3, 7, 9, 2];
    const filterShape = [3, 3, 2, 5];
    const strides = [1, 1];
    const sizes = convSizes({ inShape, filterShape, strides, pad: "valid" });
    const outShape = [3, sizes.outHeight, sizes.outWidth, 5];
    const [x, dy] = [inShape, outShape].map((shape, seed) =>
      numbers(2 * shape.reduce((a, b) => a * b), [-1, 1], seed)
    );
    const tensors = [
      inBuffer(backend, x, inShape),
      inBuffer(backend, dy, outShape),
    ];
    const gradient = asTensor(
      conv2dFilterGradient(backend, { x: tensors[0], dy: tensors[1] }, sizes),
    );
    const halves = [x, dy].map((values) =>
      values.subarray(0, values.length / 2)
    );
    assertClose(
      Float32Array.from(await gradient.data()),
      referenceConv2dFilterGradient({ x: halves[0], dy: halves[1] }, sizes),
      sumTolerance(x, dy, dy.length / 10),
    );
    tf.dispose([gradient, ...tensors]);
    throwIfDeviceFailed();
  },
);

webgpuTest(
  "a product that needs larger textures leaves earlier ones right",
  async () => {
    const backend = await webgpuBackend();
    const before = scratchBytes(backend.device);
    // Each is larger than the ones before it, and none is read before all are recorded.
    const products = [40, 400, 1600].map((size, seed) => {
      const [a, b] = [seed, seed + 3].map((seed) =>
        numbers(size * size, [-1, 1], seed)
      );
      const inputs = [a, b].map((values) => tf.tensor2d(values, [size, size]));
      const sum = asTensor(
        matmul(backend, {
          a: inputs[0],
          b: inputs[1],
          outputShape: [size, size],
        }, {
          ...square(size),
        }),
      );
      // Frees their buffers for those that follow.
      tf.dispose(inputs);
      return { size, a, b, sum };
    });
    if (traitsOf(backend).source === "textures") {
      assert(scratchBytes(backend.device) > before);
    }
    for (const { size, a, b, sum } of products) {
      // A row is enough of the large ones.
      const row = Float32Array.from(await sum.data()).subarray(0, size);
      const sizes = { ...square(size), rows: 1 };
      const expected = referenceMatmul({ a: a.subarray(0, size), b }, sizes);
      assertClose(row, expected, sumTolerance(a, b, size));
    }
    tf.dispose(products.map(({ sum }) => sum));
    throwIfDeviceFailed();
  },
);

function square(size: number) {
  return {
    rows: size,
    columns: size,
    depth: size,
    batch: 1,
    batchA: 1,
    batchB: 1,
    transposeA: false,
    transposeB: false,
  };
}

/** A tensor on the first part of a buffer of one's own. */
function inBuffer(
  backend: WebGPUBackend,
  values: Float32Array<ArrayBuffer>,
  shape: number[],
): Tensor {
  const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const buffer = backend.device.createBuffer({
    size: values.byteLength,
    usage: STORAGE | COPY_SRC | COPY_DST,
  });
  backend.device.queue.writeBuffer(buffer, 0, values);
  return tf.tensor({ buffer, zeroCopy: true }, shape, "float32");
}
