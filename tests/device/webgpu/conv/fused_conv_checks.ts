/**
 * Checks of convolution with bias, activation and pooling on any device, and of its gradients on the tape, against the
 * references one after another.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { throwIfDeviceFailed } from "../../../../src/device/device.ts";
import { tf } from "../../../../src/device/tf.ts";
import { assertClose } from "../../../compare.ts";
import { fusedConvOf, type FusedConvSetUp } from "./fused_conv_cases.ts";
import {
  referenceAveragePool,
  referenceAveragePoolGradient,
  referenceMaxPool,
} from "../pool/pool_reference.ts";
import {
  activate,
  referenceConv2d,
  referenceConv2dFilterGradient,
  referenceConv2dInputGradient,
} from "../reference.ts";
import { type RunSeveral, sumTolerance } from "../run.ts";

/** Distance from 1 to the next float32. */
const EPSILON = 2 ** -23;

/** Checks the output and all gradients, with and without that of the input. */
export async function checkFusedConv(
  set: FusedConvSetUp,
  run: RunSeveral,
): Promise<void> {
  const { sizes, kernel, bias, x, dy } = set;
  const { outChannels } = sizes;
  const expected = _reference(set);
  const { dz, dzError } = expected;
  const [y, dKernel, dBias, dx, ...alone] = await run({
    inputs: set.inputs,
    makes: [
      ...[kernel, bias, x, dy, dz].map(({ length }) => length),
      ...set.parts.flatMap((count) =>
        [x, dz].map(({ length }) => length / sizes.batch * count)
      ),
      Math.ceil(dy.length / outChannels / 64) * outChannels,
    ],
    kernel: (_, [kernel, bias, x, dy]) => {
      const operation = fusedConvOf(set, true);
      const inputs = [kernel, bias, x];
      const { value, grads } = tf.valueAndGrads(operation)(inputs, dy);
      assertEquals(value.shape, dy.shape);
      // Where the gradient of x is not wanted, the others may be computed in another way.
      const constant = fusedConvOf(set, false);
      const gradients = tf.grads((kernel, bias) => constant(kernel, bias, x));
      return [value, ...grads, ...gradients([kernel, bias], dy)];
    },
  });
  assertClose(y, expected.y, { ...expected.yTolerance, what: "output" });
  // Besides the sum, each product, with a factor below 1, is off by the error of dz, up or down at random.
  const within = (factors: Float32Array, depth: number, what: string) => {
    const sum = sumTolerance(factors, Float32Array.from(dz), depth);
    const { absolute = 0, relative } = sum;
    const ofElements = Math.sqrt(depth) * dzError;
    return { absolute: absolute + ofElements, relative, what };
  };
  const pixels = dz.length / outChannels;
  const kernelGradient = referenceConv2dFilterGradient({ x, dy: dz }, sizes);
  const kernelTolerance = within(x, pixels, "gradient of the kernel");
  assertClose(dKernel, kernelGradient, kernelTolerance);
  assertClose(alone[0], kernelGradient, kernelTolerance);
  const sums = new Float64Array(outChannels);
  dz.forEach((value, i) => sums[i % outChannels] += value);
  const one = Float32Array.of(1);
  const biasTolerance = within(one, pixels, "gradient of the bias");
  assertClose(dBias, sums, biasTolerance);
  assertClose(alone[1], sums, biasTolerance);
  const depth = kernel.length / sizes.inChannels;
  assertClose(
    dx,
    referenceConv2dInputGradient({ dy: dz, filter: kernel }, sizes),
    within(kernel, depth, "gradient of x"),
  );
}

/**
 * Checks that gradients on the device in use leave no tensors behind, and that there is none of the input unless it is
 * wanted.
 */
export function countFusedConv(set: FusedConvSetUp): void {
  const backend = tf.backend();
  const tensors = set.inputs.map(({ values, shape }) =>
    tf.tensor(values, [...shape])
  );
  const [kernel, bias, x, dy] = tensors;
  const count = () => [tf.memory().numTensors, backend.numDataIds()];
  const before = count();
  for (const isWanted of [true, false]) {
    const operation = fusedConvOf(set, isWanted);
    const gradients = tf.grads(
      isWanted ? operation : (kernel, bias) => operation(kernel, bias, x),
    );
    const inputs = isWanted ? [kernel, bias, x] : [kernel, bias];
    for (let call = 0; call < 3; call++) {
      tf.dispose(gradients(inputs, dy));
      assertEquals(count(), before, `call ${call}`);
    }
  }
  const gradients = tf.grads(fusedConvOf(set, false));
  const message = "Cannot compute gradient of y=f(x)";
  assertThrows(() => gradients([kernel, bias, x], dy), Error, message);
  tf.dispose(tensors);
  throwIfDeviceFailed();
}

/** The output, the gradient `dz` of the biased sums, and how far both may be off. */
function _reference(
  { sizes, pool, activation, kernel, bias, x, dy }: FusedConvSetUp,
) {
  const sums = referenceConv2d({ x, filter: kernel, bias }, sizes);
  // Besides the products, the bias.
  const depth = kernel.length / sizes.outChannels + 1;
  const sumsTolerance = sumTolerance(x, kernel, depth);
  const { absolute = 0 } = sumsTolerance;
  // Otherwise a rounding error could take one over the kink of relu.
  assert(sums.every((sum) => Math.abs(sum) > absolute));
  const largest = sums.reduce((max, sum) => Math.max(max, Math.abs(sum)), 0);
  const activated = sums.map((sum) => activate(sum, activation));
  const slope = (y: number) =>
    activation === "sigmoid"
      ? y * (1 - y)
      : Number(activation === undefined || y > 0);
  let y: Float64Array = activated;
  let dz: Float64Array = activated.map((y, i) => dy[i] * slope(y));
  if (pool?.kind === "average") {
    y = referenceAveragePool(activated, pool.sizes);
    dz = referenceAveragePoolGradient(dy, pool.sizes)
      .map((dy, i) => dy * slope(activated[i]));
  } else if (pool) {
    const pooled = referenceMaxPool(activated, pool.sizes, "largest");
    y = pooled.values;
    dz = new Float64Array(sums.length);
    dy.forEach((dy, i) => dz[pooled.places[i]] += dy * slope(y[i]));
  }
  const windows = pool
    ? Math.ceil(pool.sizes.windowHeight / pool.sizes.strideHeight) ** 2
    : 1;
  // Gradients below 1 of as many windows are added, each addition rounded by half an epsilon of the sum.
  const added = EPSILON / 2 * windows * (windows - 1) / 2;
  // Means: the sum of n numbers is rounded n - 1 times, each time by half an epsilon of at most n, and divided by n, where
  // WGSL lets a quotient be off by 2.5 units; so is each gradient by the number that it is divided by.
  const isMean = pool?.kind === "average";
  const count = isMean ? pool.sizes.windowHeight * pool.sizes.windowWidth : 1;
  const meanError = isMean ? EPSILON * ((count - 1) / 2 + 2.5) : 0;
  const spreadError = isMean ? windows * 2.5 * EPSILON : 0;
  if (activation !== "sigmoid") {
    const { relative } = sumsTolerance;
    const yTolerance = { absolute: absolute + largest * meanError, relative };
    return { y, yTolerance, dz, dzError: added + spreadError };
  }
  // The slope is at most 1/4. WGSL lets exp(s) be off by 3 + 2 |s| units and a quotient by 2.5; the sum takes half of one.
  const yError = absolute / 4 + (6 + 2 * largest) * EPSILON;
  // The derivative of y (1 - y) is at most 1, and three roundings of what is below 1/4 follow.
  const dzError = windows * (yError + EPSILON) + added + spreadError;
  return { y, yTolerance: { absolute: yError + meanError }, dz, dzError };
}
