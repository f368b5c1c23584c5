/** Tests of the gradients of a bias and of what follows it on WebGPU against references in float64. */

import type { FusedActivation } from "../../../../src/device/device.ts";
import { biasGradient } from "../../../../src/device/webgpu/dense/fused_dense.ts";
import { assertClose, type Tolerance } from "../../../compare.ts";
import { numbers } from "../../../numbers.ts";
import { passTest } from "../forms.ts";
import { runKernelOfSeveral, sumTolerance } from "../run.ts";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";

/** Rows and columns. One invocation adds up 64 rows, of four columns where they come in fours. */
const SIZES: readonly (readonly [rows: number, columns: number])[] = [
  [1, 1],
  [1, 96],
  [63, 3],
  [63, 4],
  [64, 257],
  [65, 1],
  [65, 96],
  [500, 4],
  [500, 257],
  // More parts of the rows than a workgroup has invocations.
  [4161, 1],
  [4161, 3],
  [4161, 96],
  [4161, 257],
  // More columns than workgroups fit in a row.
  [2, 65_537],
];

interface Variant {
  readonly activation: FusedActivation;
  readonly dropoutRate?: number;
  /** How far an element of `dz` may be off. */
  readonly tolerance: Tolerance;
}

const VARIANTS: readonly Variant[] = [
  // Copies the gradient or puts 0.
  { activation: "relu", tolerance: {} },
  // The difference and two products are rounded by half an epsilon each, and the fourth half is for their products.
  { activation: "sigmoid", tolerance: { relative: 4 * 2 ** -24 } },
  // 1 / (1 - rate) and the product with it are rounded by half an epsilon each, and a little for their product.
  {
    activation: "relu",
    dropoutRate: 0.3,
    tolerance: { relative: 2.01 * 2 ** -24 },
  },
];

for (const [rows, columns] of SIZES) {
  const size = `${rows}x${columns}`;

  passTest(`biasGradient() of ${size} is the reference's`, async () => {
    const dy = numbers(rows * columns);
    const [bias] = await runKernelOfSeveral({
      inputs: [{ values: dy, shape: [rows, columns] }],
      kernel: (backend, [dy]) => {
        const { bias, dz } = biasGradient(backend, { dy });
        assertStrictEquals(dz, dy);
        assertEquals(bias.shape, [columns]);
        return [bias];
      },
    });
    assertSums(bias, dy, columns);
  });

  for (const { activation, dropoutRate, tolerance } of VARIANTS) {
    const dropout = dropoutRate ? ` and dropout of ${dropoutRate}` : "";
    passTest(
      `biasGradient() of ${size} with ${activation}${dropout} is the reference's`,
      async () => {
        const count = rows * columns;
        const dy = numbers(count);
        // About half of what relu gave is 0.
        const y = activation === "relu"
          ? numbers(count, [-1, 1], 1).map((value) => Math.max(0, value))
          : numbers(count, [0, 1], 1);
        const [bias, dz] = await runKernelOfSeveral({
          inputs: [dy, y].map((values) => ({ values, shape: [rows, columns] })),
          kernel: (backend, [dy, y]) => {
            const after = { y, activation, dropoutRate };
            const made = biasGradient(backend, { dy, after });
            assertEquals(made.bias.shape, [columns]);
            assertEquals(made.dz.shape, [rows, columns]);
            return [made.bias, made.dz];
          },
        });
        const expected = Float64Array.from(dy, (dy, i) => {
          if (activation === "sigmoid") return dy * y[i] * (1 - y[i]);
          return y[i] === 0 ? 0 : dy / (1 - (dropoutRate ?? 0));
        });
        assert(count < 64 || expected.some((value) => value !== 0));
        assertClose(dz, expected, { ...tolerance, what: "dz" });
        assertSums(bias, expected, columns);
      },
    );
  }
}

/** Compares with the sums of columns. Rounding the elements is part of the tolerance of a sum of products with 1. */
function assertSums(
  bias: Float32Array,
  dz: Float32Array | Float64Array,
  columns: number,
): void {
  const sums = new Float64Array(columns);
  dz.forEach((value, i) => sums[i % columns] += value);
  const one = Float32Array.of(1);
  assertClose(bias, sums, {
    ...sumTolerance(one, Float32Array.from(dz), dz.length / columns),
    what: "gradient of the bias",
  });
}
