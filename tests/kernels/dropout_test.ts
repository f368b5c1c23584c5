/**
 * Tests of random numbers and dropout on WebGPU, alone and after a product, against those of the host.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type Tensor, type Tensor2D, tf } from "../../src/backend/tf.ts";
import { dispatch, makeOutput } from "../../src/kernels/dispatch.ts";
import { fusedDropout } from "../../src/kernels/dropout.ts";
import { gridOf, indexOf } from "../../src/kernels/elementwise.ts";
import { fusedDense } from "../../src/kernels/fused_dense.ts";
import type { MatmulSizes } from "../../src/kernels/matmul.ts";
import { programOf } from "../../src/kernels/program.ts";
import {
  makeRandomKey,
  type RandomKey,
  uniformFunction,
} from "../../src/kernels/threefry.ts";
import { chooseTilings } from "../../src/kernels/tile.ts";
import { traitsOf } from "../../src/kernels/traits.ts";
import { STREAMS, uniforms } from "../../src/random.ts";
import { assertClose } from "../compare.ts";
import { webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";
import { referenceMatmul } from "./reference.ts";
import {
  runKernel,
  runKernelOfSeveral,
  sumTolerance,
  webgpuBackend,
} from "./run.ts";

const LARGEST = 2 ** 32 - 1;
const STREAM = STREAMS.dropout + 3;

const KEYS: readonly RandomKey[] = [
  { seed: 0, stream: 0 },
  { seed: 1, stream: STREAM, step: 7 },
  { seed: LARGEST, stream: STREAM, step: 1, offset: 1 },
  { seed: 1, stream: LARGEST, step: LARGEST, offset: 4096 },
  { seed: 0x9e3779b9, stream: 5, step: 0x80000000, offset: 12_345 },
  { seed: 2, stream: 1, offset: LARGEST - 2000 },
  { seed: 2, stream: 1, offset: LARGEST - 2001 },
];
for (const key of KEYS) {
  webgpuTest(
    `uniformBits() of ${JSON.stringify(key)} are those of uniforms()`,
    async () => {
      for (const size of [1, 2, 63, 65, 1000]) {
        const bits = await runKernel({
          inputs: [],
          makes: [4, size],
          kernel: (backend) => {
            const random = makeRandomKey(backend, key);
            const output = makeOutput(backend, [size], "int32");
            const workgroups = gridOf(size);
            const program = programOf(backend, `uniform bits,${size}`, () => ({
              code: `
@group(0) @binding(0) var<storage, read_write> output: array<u32>;
@group(0) @binding(1) var<storage, read> random: array<u32, 4>;
${uniformFunction("random")}
${indexOf(size, workgroups)}
  output[i] = uniformBits(i);
}
`,
              workgroups,
            }));
            dispatch(backend, program, [output, random]);
            backend.disposeData(random.dataId);
            return output;
          },
        });
        assertEquals(bits, uniforms(size, key).map((u) => u * 2 ** 24));
      }
    },
  );
}

const RATES = [0, 0.1, 0.25, 0.5, 0.9, 1 - 2 ** -20];
for (const rate of RATES) {
  for (
    const [shape, key] of [
      [[1], KEYS[0]],
      [[3, 5, 7], KEYS[1]],
      [[1000], KEYS[2]],
      [[4, 4, 64], KEYS[4]],
    ] as const
  ) {
    webgpuTest(
      `fusedDropout() of ${rate} on ${shape} is the host's, and so is its gradient`,
      async () => {
        const size = shape.reduce((a: number, b) => a * b, 1);
        const [x, dy] = [numbers(size), numbers(size, [-1, 1], 1)];
        const [y, dx] = await runKernelOfSeveral({
          inputs: [{ values: x, shape }, { values: dy, shape }],
          makes: [4, size],
          kernel: (_, [x, dy]) =>
            _withGradients((x) => fusedDropout(x, { rate, key }), [x], dy),
        });
        const mask = _mask(size, rate, key);
        // One float32 multiplication, which is exact to the last bit.
        assertEquals(y, x.map((value, i) => value * mask[i]));
        assertEquals(dx, dy.map((value, i) => value * mask[i]));
      },
    );
  }
}

webgpuTest(
  "fusedDropout() takes more elements than workgroups fit in a row",
  async () => {
    const size = 65_535 * 64 + 65;
    const options = { rate: 0.5, key: KEYS[2] };
    const y = await runKernel({
      inputs: [{ values: new Float32Array(size).fill(1), shape: [size] }],
      makes: [4, size],
      kernel: (_, [x]) => fusedDropout(x, options),
    });
    const mask = _mask(size, options.rate, options.key);
    assertEquals(y.findIndex((value, i) => value !== mask[i]), -1);
  },
);

interface DenseCase {
  readonly rows: number;
  readonly inputs: number;
  readonly columns: number;
  readonly rate: number;
  /** Whether the sums are long and few, so that they are cut into parts. */
  readonly isSplit: boolean;
}

const DENSE: readonly DenseCase[] = [
  { rows: 1, inputs: 1, columns: 1, rate: 0.25, isSplit: false },
  { rows: 5, inputs: 50, columns: 29, rate: 0.5, isSplit: false },
  { rows: 10, inputs: 128, columns: 12, rate: 0.25, isSplit: false },
  { rows: 130, inputs: 30, columns: 7, rate: 0.5, isSplit: false },
  { rows: 3, inputs: 4100, columns: 6, rate: 0.5, isSplit: true },
  { rows: 5, inputs: 4100, columns: 8, rate: 0.25, isSplit: true },
];
for (const testCase of DENSE) {
  const { rows, inputs, columns, rate, isSplit } = testCase;
  const what = `${rows}x${columns}x${inputs} with relu and dropout of ${rate}`;
  webgpuTest(
    `fusedDense() ${what} is relu, then dropout, and so are its gradients`,
    async () => {
      const traits = traitsOf(await webgpuBackend());
      const splitsOf = (sizes: MatmulSizes) =>
        chooseTilings(sizes, traits)[0].splits;
      const forward = _sizes(rows, columns, inputs);
      const byX = { ..._sizes(rows, inputs, columns), transposeB: true };
      const byKernel = { ..._sizes(inputs, columns, rows), transposeA: true };
      assertEquals(splitsOf(forward) > 1, isSplit);
      const size = rows * columns;
      const key = KEYS[2];
      const x = numbers(rows * inputs, [-1, 1], 1);
      const kernel = numbers(inputs * columns, [-1, 1], 2);
      const bias = numbers(columns, [-1, 1], 3);
      const dy = numbers(size, [-1, 1], 4);
      const [y, dx, dKernel, dBias] = await runKernelOfSeveral({
        inputs: [
          { values: x, shape: [rows, inputs] },
          { values: kernel, shape: [inputs, columns] },
          { values: bias, shape: [columns] },
          { values: dy, shape: [rows, columns] },
        ],
        makes: [
          4,
          columns,
          Math.ceil(rows / 64) * columns,
          ...[forward, byX, byKernel].flatMap((sizes) => {
            const made = sizes.rows * sizes.columns;
            return [made, splitsOf(sizes) * made];
          }),
        ],
        kernel: (_, [x, kernel, bias, dy]) =>
          _withGradients(
            (x, kernel, bias) =>
              fusedDense(
                { x: x as Tensor2D, kernel: kernel as Tensor2D, bias },
                { activation: "relu", dropout: { rate, key } },
              ),
            [x, kernel, bias],
            dy,
          ),
      });

      const sums = referenceMatmul({ a: x, b: kernel, bias }, forward);
      const mask = _mask(size, rate, key);
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
      const columnSums = _sizes(1, columns, rows);
      assertClose(dBias, referenceMatmul({ a: ones, b: dz }, columnSums), {
        ...sumTolerance(ones, dz, rows),
        what: "gradient by the bias",
      });
    },
  );
}

function _sizes(rows: number, columns: number, depth: number): MatmulSizes {
  const single = { batch: 1, batchA: 1, batchB: 1 };
  const plain = { transposeA: false, transposeB: false };
  return { ...single, rows, columns, depth, ...plain };
}

/** The output of an operation and its gradients by all inputs. */
function _withGradients(
  operation: (...inputs: Tensor[]) => Tensor,
  inputs: Tensor[],
  dy: Tensor,
): Tensor[] {
  const { value, grads } = tf.valueAndGrads(operation)(inputs, dy);
  return [value, ...grads];
}

/** What dropout multiplies by: 0, or 1 / (1 - rate) as a float32. */
function _mask(size: number, rate: number, key: RandomKey): Float32Array {
  return uniforms(size, key).map((u) => u < rate ? 0 : 1 / (1 - rate));
}
