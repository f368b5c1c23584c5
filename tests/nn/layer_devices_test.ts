/**
 * Tests of layers and their gradients on each device against the CPU backend of TensorFlow.js, over sizes that no tile divides.
 *
 * @module
 */

import { type Tensor, tf } from "../../src/device/tf.ts";
import { conv2d, type Conv2dOptions } from "../../src/nn/conv2d.ts";
import { dense } from "../../src/nn/dense.ts";
import type { Layer } from "../../src/nn/layer.ts";
import { averagePool2d, maxPool2d } from "../../src/nn/pooling.ts";
import { type Shape, sizeOf } from "../../src/nn/shape.ts";
import { assertCloseTensor } from "../compare.ts";
import { againstPlain, deviceTest } from "../device.ts";
import { numbers } from "../numbers.ts";

/** The longest sums here have 4,096 terms: their rounding error stays below 1e-5 of the largest element. */
const RELATIVE = 1e-5;

type Case = [what: string, layer: Layer, input: Shape, batch: number];

const CONVOLUTIONS: [options: Conv2dOptions, input: Shape, batch: number][] = [
  [{ filters: 1, kernelSize: 1 }, [1, 1, 1], 1],
  [{ filters: 5, kernelSize: 3 }, [7, 9, 1], 2],
  [{ filters: 3, kernelSize: 3, padding: "same" }, [7, 9, 5], 3],
  [{ filters: 7, kernelSize: 5, strides: 2 }, [11, 13, 3], 1],
  [{ filters: 33, kernelSize: 3, strides: 2, padding: "same" }, [9, 8, 5], 2],
  [{ filters: 5, kernelSize: 11, strides: 4 }, [23, 31, 3], 2],
  [{ filters: 3, kernelSize: 5, strides: 4, padding: "same" }, [13, 17, 1], 3],
  [{ filters: 17, kernelSize: 1 }, [5, 7, 3], 5],
  [{ filters: 4, kernelSize: [2, 3], strides: [1, 2] }, [6, 11, 4], 2],
  [{ filters: 13, kernelSize: 3, padding: "same" }, [37, 5, 3], 1],
];
const WINDOWS = [
  { poolSize: 2 },
  { poolSize: 3, strides: 2 },
  { poolSize: [2, 3], strides: [1, 2] },
  { poolSize: 1, strides: 4 },
] as const;
/** Features, units and batch; stock tfjs gets the input gradient of the last one wrong. */
const PRODUCTS = [
  [1, 1, 1],
  [3, 5, 2],
  [129, 67, 3],
  [31, 33, 65],
  [2000, 10, 3],
  [256, 4096, 2],
];
const CASES: Case[] = [
  ...CONVOLUTIONS.map(([options, input, batch]): Case => {
    const { filters, kernelSize, strides = 1, padding = "valid" } = options;
    const what =
      `conv2d() ${kernelSize}/${strides} ${padding}, ${filters} filters`;
    return [what, conv2d(options), input, batch];
  }),
  ...WINDOWS.flatMap((window): Case[] => {
    const what = `${window.poolSize}/${
      "strides" in window ? window.strides : window.poolSize
    }`;
    return [
      [`maxPool2d() ${what} valid`, maxPool2d(window), [11, 8, 5], 2],
      [
        `maxPool2d() ${what} same`,
        maxPool2d({ ...window, padding: "same" }),
        [7, 10, 3],
        3,
      ],
      [`averagePool2d() ${what} valid`, averagePool2d(window), [11, 8, 1], 2],
    ];
  }),
  ...PRODUCTS.map(([features, units, batch]): Case => [
    `dense() ${features} to ${units}`,
    dense({ units }),
    [features],
    batch,
  ]),
];

for (const [what, layer, input, batch] of CASES) {
  const values = againstPlain(() => {
    const specs = layer.weights(input);
    const outputSize = batch * sizeOf(layer.outputShape(input));
    const inputs = [[batch, ...input], ...specs.map(({ shape }) => shape)]
      .map((shape, i) =>
        tf.tensor(numbers(sizeOf(shape), [-1, 1], i), [...shape])
      );
    const dy = numbers(outputSize, [-1, 1], 9);
    const apply = (x: Tensor, ...weights: Tensor[]) =>
      layer.apply(x, weights, CONTEXT);
    const y = apply(inputs[0], ...inputs.slice(1));
    return [
      tf.clone(y),
      ...tf.grads(apply)(inputs, tf.tensor(dy, y.shape)),
    ];
  });
  deviceTest(
    `${what} of [${[
      batch,
      ...input,
    ]}] has the values and gradients of TensorFlow.js`,
    async (device) => {
      const { actual, expected } = await values(device);
      ["output", "input gradient", "kernel gradient", "bias gradient"]
        .slice(0, actual.length)
        .forEach((what, i) =>
          assertCloseTensor(actual[i], expected[i], {
            relative: RELATIVE,
            what,
          })
        );
    },
  );
}

const CONTEXT = {
  training: true,
  seed: 0,
  step: 0,
  firstImage: 0,
  layerIndex: 0,
  needsInputGradient: true,
};
