/** Tests of convolutions with as many channels as oneDNN 2 computes by tiles, as Winograd's, where the CPU has AVX-512. */

import { assert } from "@std/assert";
import { asTensor } from "../../../src/device/tape.ts";
import {
  nativeConv2d,
  nativeConv2dFilterGradient,
  nativeConv2dInputGradient,
} from "../../../src/device/onednn/conv2d.ts";
import { primitives } from "../../../src/device/onednn/tensors.ts";
import { tf } from "../../../src/device/tf.ts";
import { assertCloseTensor } from "../../compare.ts";
import { read } from "../../device.ts";
import { nativeTest } from "../../native.ts";
import { numbers } from "../../numbers.ts";
import { type ConvCase, sizesOf } from "../webgpu/conv/conv2d_cases.ts";
import {
  referenceConv2d,
  referenceConv2dFilterGradient,
  referenceConv2dInputGradient,
} from "../webgpu/reference.ts";

/** Share of the largest element: what tiles on WebGPU are allowed by `tests/device/webgpu/conv/winograd_error_test.ts`. */
const RELATIVE = 1e-4;

const CASES = [
  [[16, 13, 13, 64], [3, 3, 64], "same"],
  [[16, 14, 12, 64], [3, 3, 64], "valid"],
  [[2, 12, 12, 256], [3, 3, 384], "same"],
  [[16, 12, 12, 72], [3, 3, 80], "same"],
].map(([input, filter, pad]) => ({
  ...{ input, filter, pad, strides: [1, 1], hasBias: false },
})) as unknown as readonly ConvCase[];
for (const convolution of CASES) {
  const { input, filter, pad } = convolution;
  nativeTest(
    `convolution ${filter} ${pad} of ${input} and its gradients are the reference's, by tiles or not`,
    async (library) => {
      const s = await sizesOf(convolution);
      const shapes = {
        x: [s.batch, s.inHeight, s.inWidth, s.inChannels],
        filter: [s.filterHeight, s.filterWidth, s.inChannels, s.outChannels],
        dy: [s.batch, s.outHeight, s.outWidth, s.outChannels],
      };
      const [x, kernel, dy] = Object.values(shapes).map((shape, i) =>
        numbers(shape.reduce((a, b) => a * b), [-1, 1], i)
      );
      const known = primitives.size;
      const values = await read(() => {
        const tensors = {
          x: tf.tensor(x, shapes.x),
          filter: tf.tensor(kernel, shapes.filter),
          dy: tf.tensor(dy, shapes.dy),
        };
        const gradients = nativeConv2dFilterGradient(tensors, s);
        return [
          nativeConv2d(tensors, s),
          nativeConv2dInputGradient(tensors, s),
          gradients.filter,
          gradients.bias,
        ].map(asTensor);
      });
      const sums = new Float64Array(s.outChannels);
      dy.forEach((value, i) => sums[i % sums.length] += value);
      const expected = [
        referenceConv2d({ x, filter: kernel }, s),
        referenceConv2dInputGradient({ dy, filter: kernel }, s),
        referenceConv2dFilterGradient({ x, dy }, s),
        sums,
      ];
      const made = [...primitives.values()].slice(known)
        .map(({ implementation }) => implementation);
      ["output", "input gradient", "filter gradient", "bias gradient"].forEach(
        (what, i) =>
          assertCloseTensor(values[i], expected[i], {
            relative: RELATIVE,
            what: `${what} (${made})`,
          }),
      );
      // Version 3 has no tiles.
      const isTiled = made.some((name) => name.includes("wino"));
      assert(!isTiled || library.major === 2, `${made}`);
    },
  );
}
