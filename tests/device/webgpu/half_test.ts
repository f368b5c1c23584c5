/**
 * Tests of kernels on tensors that store float16: as on float32 tensors of the same numbers, but for the rounding of what
 * they store.
 */

import { assertEquals } from "@std/assert";
import { tf } from "../../../src/device/tf.ts";
import { castTo } from "../../../src/device/webgpu/cast.ts";
import { biasGradient } from "../../../src/device/webgpu/dense/fused_dense.ts";
import {
  conv2dFilterGradient,
  conv2dForward,
  conv2dInputGradient,
} from "../../../src/device/webgpu/conv/conv2d.ts";
import { asTensor } from "../../../src/device/tape.ts";
import { makeOutput } from "../../../src/device/webgpu/run/dispatch.ts";
import { dropInPlace } from "../../../src/device/webgpu/dense/dropout.ts";
import { matmul } from "../../../src/device/webgpu/gemm/product.ts";
import {
  averagePool,
  averagePoolGradient,
  maxPoolGradientAt,
  maxPoolWithPlaces,
} from "../../../src/device/webgpu/pool/pool.ts";
import {
  convSizes,
  poolInputShape,
  poolOutputShape,
  poolSizes,
} from "../../../src/device/sizes.ts";
import { sparseFilterGradient } from "../../../src/device/webgpu/conv/sparse_filter.ts";
import { webgpuTest } from "../../device.ts";
import { numbers } from "../../numbers.ts";
import { type ConvCase, CONVOLUTIONS, sizesOf } from "./conv/conv2d_cases.ts";
import { formTest, passTest } from "./forms.ts";
import { checkHalves, toHalves } from "./halves.ts";
import { webgpuBackend } from "./run.ts";

function inputOf(shape: readonly number[], seed: number) {
  const size = shape.reduce((product, n) => product * n, 1);
  return { values: numbers(size, [-1, 1], seed), shape };
}

/** Ties, the smallest and largest that float16 has, and what it has not. */
const SPECIAL = [
  0,
  -0,
  1,
  1 + 2 ** -11,
  1 + 3 * 2 ** -11,
  -(2 ** -14),
  2 ** -24,
  65_504,
  -65_504,
  1e5,
  -1e5,
  Infinity,
  NaN,
];
for (const size of [1, 3, 4, 7, 4096, 65_541, 65_540]) {
  passTest(`castTo() rounds ${size} numbers to float16 and back`, async () => {
    const backend = await webgpuBackend();
    const values = numbers(size, [-10, 10]);
    values.set(SPECIAL.slice(0, size));
    const tensor = tf.tensor1d(values);
    const half = castTo(backend, tensor, "float16");
    const float = asTensor(castTo(backend, half, "float32"));
    assertEquals(Float32Array.from(await float.data()), toHalves(values));
    backend.disposeData(half.dataId);
    tf.dispose([tensor, float]);
  });
}

webgpuTest("float16 takes half of the memory", async () => {
  const backend = await webgpuBackend();
  const bytes = () =>
    (tf.memory() as unknown as { numBytesInGPU: number }).numBytesInGPU;
  const before = bytes();
  const half = makeOutput(backend, [1000, 3], "float16");
  assertEquals(bytes() - before, 6000);
  backend.disposeData(half.dataId);
  assertEquals(bytes(), before);
});

/** Sums of float32 that are added up in another order: of as many as `depth` products below 1. */
function sums(depth: number) {
  return { absolute: 2 ** -22 * Math.sqrt(depth), relative: 2 ** -20 };
}

/** With channels enough for Winograd's tiles on software adapters. */
const TILED: ConvCase = {
  input: [5, 14, 14, 32],
  filter: [3, 3, 36],
  strides: [1, 1],
  pad: "same",
  hasBias: true,
  activation: "relu",
};
/** Read as scalars and as vectors, whole and split sums: what float16 changes is how elements are read and stored. */
const READ = [1, 2, 4, 9].map((i) => CONVOLUTIONS[i]);
for (const testCase of [...READ, TILED]) {
  const { input, filter, strides, pad, hasBias, activation } = testCase;
  const what = `${filter}/${strides} ${pad} of ${input}`;
  const filterShape = [filter[0], filter[1], input[3], filter[2]];
  formTest(`conv2dForward() ${what} reads and gives float16`, async () => {
    const sizes = await sizesOf(testCase);
    const bias = { ...inputOf([filter[2]], 2), isFloat: true };
    await checkHalves(
      [inputOf(input, 0), inputOf(filterShape, 1), bias],
      (backend, [x, filter, bias], stored) => {
        const after = { bias: hasBias ? bias : undefined, activation, stored };
        const tensor = conv2dForward(backend, { x, filter, ...after }, sizes);
        return [{ tensor, isHalf: true }];
      },
      sums(filter[0] * filter[1] * input[3]),
    );
  });
  formTest(`gradients of conv2d ${what} read float16`, async () => {
    const sizes = await sizesOf(testCase);
    const { batch, outHeight, outWidth, outChannels } = sizes;
    const outShape = [batch, outHeight, outWidth, outChannels];
    const inputs = [
      inputOf(input, 0),
      inputOf(filterShape, 1),
      inputOf(outShape, 2),
    ];
    await checkHalves(
      inputs,
      (backend, [, filter, dy], stored) => [{
        tensor: conv2dInputGradient(backend, { dy, filter, stored }, sizes),
        isHalf: true,
      }],
      sums(filter[0] * filter[1] * filter[2]),
    );
    await checkHalves(
      inputs,
      (backend, [x, , dy]) => [{
        tensor: conv2dFilterGradient(backend, { x, dy }, sizes),
        isHalf: false,
      }],
      sums(batch * outHeight * outWidth),
    );
  });
}

for (const [rows, columns, depth] of [[3, 5, 7], [16, 40, 12], [33, 64, 100]]) {
  for (const transpose of [false, true]) {
    formTest(
      `matmul() of ${rows}x${columns}x${depth}, transposed ${transpose}, reads and gives float16`,
      async () => {
        const sizes = { rows, columns, depth, batch: 1, batchA: 1, batchB: 1 };
        const orders = { transposeA: transpose, transposeB: transpose };
        const outputShape = [rows, columns];
        const a = inputOf(transpose ? [depth, rows] : [rows, depth], 0);
        const b = inputOf(transpose ? [columns, depth] : [depth, columns], 1);
        const bias = { ...inputOf([columns], 2), isFloat: true };
        // One operand of each type, and both of one.
        for (const isFloat of [[false, false], [true, false], [false, true]]) {
          await checkHalves(
            [
              { ...a, values: toHalves(a.values), isFloat: isFloat[0] },
              { ...b, values: toHalves(b.values), isFloat: isFloat[1] },
              bias,
            ],
            (backend, [a, b, bias], stored) => [{
              tensor: matmul(
                backend,
                { a, b, bias, stored, outputShape },
                { ...sizes, ...orders },
              ),
              isHalf: true,
            }],
            sums(depth),
          );
        }
      },
    );
  }
}

for (const [rows, columns] of [[5, 3], [130, 8], [70, 1024], [1, 6]]) {
  for (const activation of ["relu", "sigmoid"] as const) {
    passTest(
      `biasGradient() of ${rows}x${columns}, ${activation}, reads and gives float16`,
      () =>
        checkHalves(
          [inputOf([rows, columns], 0), inputOf([rows, columns], 1)],
          (backend, [dy, y]) => {
            const after = { y, activation };
            const gradient = biasGradient(backend, { dy, after });
            return [
              { tensor: gradient.dz, isHalf: true },
              { tensor: gradient.bias, isHalf: false },
            ];
          },
          sums(rows),
        ),
    );
  }
}

for (const channels of [3, 8]) {
  for (const pad of ["valid", "same"] as const) {
    const inShape = [3, 9, 12, channels] as const;
    const pool = () =>
      poolSizes({ inShape, filterSize: [3, 2], strides: [2, 2], pad });
    const what = `of ${channels} channels, ${pad}, read and give float16`;
    passTest(`max pooling and its gradient ${what}`, async () => {
      const sizes = pool();
      await checkHalves(
        [inputOf(inShape, 0), inputOf(poolOutputShape(sizes), 1)],
        (backend, [x, dy]) => {
          const { pooled, places } = maxPoolWithPlaces(backend, x, sizes);
          const dx = maxPoolGradientAt(backend, { dy, places }, sizes);
          backend.disposeData(places.dataId);
          return [
            { tensor: pooled, isHalf: true },
            { tensor: dx, isHalf: true },
          ];
        },
      );
    });
    formTest(`average pooling and its gradient ${what}`, async () => {
      const sizes = pool();
      await checkHalves(
        [inputOf(inShape, 0), inputOf(poolOutputShape(sizes), 1)],
        (backend, [x, dy]) => [
          { tensor: averagePool(backend, x, sizes), isHalf: true },
          { tensor: averagePoolGradient(backend, dy, sizes), isHalf: true },
        ],
      );
    });
  }
}

passTest("sparseFilterGradient() reads float16", async () => {
  const inShape = [2, 31, 36, 1];
  const conv = convSizes({
    inShape,
    filterShape: [11, 11, 1, 40],
    strides: [4, 4],
    pad: "valid",
  });
  const pool = poolSizes({
    inShape: [conv.batch, conv.outHeight, conv.outWidth, conv.outChannels],
    filterSize: [3, 3],
    strides: [2, 2],
    pad: "valid",
  });
  const unpooled = poolInputShape(pool);
  await checkHalves(
    [
      inputOf(inShape, 0),
      inputOf(poolOutputShape(pool), 1),
      inputOf(unpooled, 2),
    ],
    (backend, [x, dy, y]) => {
      const { pooled, places } = maxPoolWithPlaces(backend, y, pool);
      const tensors = [x, dy, places];
      const sizes = { conv, pool };
      const tensor = sparseFilterGradient(backend, tensors, sizes, "test");
      [pooled, places].forEach(({ dataId }) => backend.disposeData(dataId));
      return [{ tensor, isHalf: false }];
    },
    sums(conv.batch * pool.outHeight * pool.outWidth),
  );
});

for (const size of [7, 1024]) {
  webgpuTest(
    `dropInPlace() of ${size} numbers of float16 drops the same`,
    () =>
      checkHalves([inputOf([size], 0)], (backend, [x], stored) => {
        const tensor = castTo(backend, x, stored);
        const key = { seed: 1, stream: 2, step: 3, offset: 4 };
        dropInPlace(backend, tensor, { rate: 0.5, key });
        return [{ tensor, isHalf: true }];
      }),
  );
}
