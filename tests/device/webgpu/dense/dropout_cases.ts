/** Dropout to test, alone and after a product, and checks of it on any device against random numbers of the host. */

import { device, type RandomKey } from "../../../../src/device/device.ts";
import { type Tensor, type Tensor2D, tf } from "../../../../src/device/tf.ts";
import type { MatmulSizes } from "../../../../src/device/webgpu/gemm/product.ts";
import { STREAMS, uniforms } from "../../../../src/random.ts";
import { assertClose } from "../../../compare.ts";
import { numbers } from "../../../numbers.ts";
import { referenceMatmul } from "../reference.ts";
import { type RunSeveral, sumTolerance } from "../run.ts";
import { assert, assertEquals } from "@std/assert";

const LARGEST = 2 ** 32 - 1;
const STREAM = STREAMS.dropout + 3;

/** Streams and places of random numbers, up to the largest. */
export const KEYS: readonly RandomKey[] = [
  { seed: 0, stream: 0 },
  { seed: 1, stream: STREAM, step: 7 },
  { seed: LARGEST, stream: STREAM, step: 1, offset: 1 },
  { seed: 1, stream: LARGEST, step: LARGEST, offset: 4096 },
  { seed: 0x9e3779b9, stream: 5, step: 0x80000000, offset: 12_345 },
  { seed: 2, stream: 1, offset: LARGEST - 2000 },
  { seed: 2, stream: 1, offset: LARGEST - 2001 },
];

/** A dropout: its rate, a shape and the key of its numbers. */
export interface DropoutCase {
  readonly rate: number;
  readonly shape: readonly number[];
  readonly key: RandomKey;
}

/** Rates from none to nearly all, of few and many elements. */
export const DROPOUTS: readonly DropoutCase[] = [
  0,
  0.1,
  0.25,
  0.5,
  0.9,
  1 - 2 ** -20,
].flatMap((rate) => [
  { rate, shape: [1], key: KEYS[0] },
  { rate, shape: [3, 5, 7], key: KEYS[1] },
  { rate, shape: [1000], key: KEYS[2] },
  { rate, shape: [4, 4, 64], key: KEYS[4] },
]);

/** Checks a dropout and its gradient. */
export async function checkDropout(
  { rate, shape, key }: DropoutCase,
  run: RunSeveral,
): Promise<void> {
  const size = shape.reduce((a: number, b) => a * b, 1);
  const [x, dy] = [numbers(size), numbers(size, [-1, 1], 1)];
  const [y, dx] = await run({
    inputs: [{ values: x, shape }, { values: dy, shape }],
    kernel: (_, [x, dy]) =>
      withGradients((x) => device().dropout(x, { rate, key }), [x], dy),
  });
  const mask = dropoutMask(size, rate, key);
  // One float32 multiplication, which is exact to the last bit.
  assertEquals(y, x.map((value, i) => value * mask[i]));
  assertEquals(dx, dy.map((value, i) => value * mask[i]));
}

/** Sizes of a product with dropout. */
export interface DenseCase {
  readonly rows: number;
  readonly inputs: number;
  readonly columns: number;
  readonly rate: number;
}

/** Small and large products. */
export const DENSE: readonly DenseCase[] = [
  { rows: 1, inputs: 1, columns: 1, rate: 0.25 },
  { rows: 5, inputs: 50, columns: 29, rate: 0.5 },
  { rows: 10, inputs: 128, columns: 12, rate: 0.25 },
  { rows: 130, inputs: 30, columns: 7, rate: 0.5 },
  // Sums that are long and few, so that they are cut into parts.
  { rows: 3, inputs: 4100, columns: 6, rate: 0.5 },
  { rows: 5, inputs: 4100, columns: 8, rate: 0.25 },
];

/**
 * Checks that a product with relu and dropout is relu, then dropout, and so are its gradients.
 */
export async function checkDense(
  testCase: DenseCase,
  run: RunSeveral,
): Promise<void> {
  const { rows, inputs, columns, rate } = testCase;
  const forward = sizes(rows, columns, inputs);
  const byX = { ...sizes(rows, inputs, columns), transposeB: true };
  const byKernel = { ...sizes(inputs, columns, rows), transposeA: true };
  const size = rows * columns;
  const key = KEYS[2];
  const x = numbers(rows * inputs, [-1, 1], 1);
  const kernel = numbers(inputs * columns, [-1, 1], 2);
  const bias = numbers(columns, [-1, 1], 3);
  const dy = numbers(size, [-1, 1], 4);
  const [y, dx, dKernel, dBias] = await run({
    inputs: [
      { values: x, shape: [rows, inputs] },
      { values: kernel, shape: [inputs, columns] },
      { values: bias, shape: [columns] },
      { values: dy, shape: [rows, columns] },
    ],
    kernel: (_, [x, kernel, bias, dy]) =>
      withGradients(
        (x, kernel, bias) =>
          device().dense(
            { x: x as Tensor2D, kernel: kernel as Tensor2D, bias },
            { activation: "relu", dropout: { rate, key } },
          ),
        [x, kernel, bias],
        dy,
      ),
  });

  const sums = referenceMatmul({ a: x, b: kernel, bias }, forward);
  const mask = dropoutMask(size, rate, key);
  const { absolute = 0, relative = 0 } = sumTolerance(x, kernel, inputs);
  // Otherwise a rounding error could take one over the kink of relu.
  assert(sums.every((sum) => Math.abs(sum) > absolute));
  assertClose(y, sums.map((sum, i) => Math.max(sum, 0) * mask[i]), {
    absolute: absolute / (1 - rate),
    // The sum and its product with the mask are rounded.
    relative: 2 * relative,
    what: "output",
  });
  // One float32 multiplication, which is exact to the last bit, so that only the sums of it are not.
  const dz = dy.map((value, i) => sums[i] > 0 ? value * mask[i] : 0);
  assert(dz.some((value) => value !== 0));
  assertClose(dx, referenceMatmul({ a: dz, b: kernel }, byX), {
    ...sumTolerance(dz, kernel, columns),
    what: "gradient by x",
  });
  assertClose(dKernel, referenceMatmul({ a: x, b: dz }, byKernel), {
    ...sumTolerance(x, dz, rows),
    what: "gradient by the kernel",
  });
  const ones = new Float32Array(rows).fill(1);
  const columnSums = sizes(1, columns, rows);
  assertClose(dBias, referenceMatmul({ a: ones, b: dz }, columnSums), {
    ...sumTolerance(ones, dz, rows),
    what: "gradient by the bias",
  });
}

function sizes(rows: number, columns: number, depth: number): MatmulSizes {
  const single = { batch: 1, batchA: 1, batchB: 1 };
  const plain = { transposeA: false, transposeB: false };
  return { ...single, rows, columns, depth, ...plain };
}

/** The output of an operation and its gradients by all inputs. */
function withGradients(
  operation: (...inputs: Tensor[]) => Tensor,
  inputs: Tensor[],
  dy: Tensor,
): Tensor[] {
  const { value, grads } = tf.valueAndGrads(operation)(inputs, dy);
  return [value, ...grads];
}

/** What dropout multiplies each element by: 0, or 1 / (1 - rate) as a float32. */
export function dropoutMask(
  size: number,
  rate: number,
  key: RandomKey,
): Float32Array {
  return uniforms(size, key).map((u) => u < rate ? 0 : 1 / (1 - rate));
}
