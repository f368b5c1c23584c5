/**
 * Tests of what layers say of themselves without a device: shapes, weights, multiply-adds, options as plain data, and errors.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { OptionError, ShapeError } from "../../src/errors.ts";
import { relu, sigmoid } from "../../src/nn/activation.ts";
import { conv2d } from "../../src/nn/conv2d.ts";
import { dense, dropout, flatten } from "../../src/nn/dense.ts";
import type { Layer, LayerConfig } from "../../src/nn/layer.ts";
import { averagePool2d, maxPool2d } from "../../src/nn/pooling.ts";
import type { Shape } from "../../src/nn/shape.ts";

interface Case {
  what: string;
  layer: Layer;
  kind: string;
  input: Shape;
  output: Shape;
  weights?: Shape[];
  macs?: number;
}

const same = "same";
const CASES: Case[] = [
  {
    what: "conv2d 11/4 valid",
    layer: conv2d({ filters: 96, kernelSize: 11, strides: 4 }),
    kind: "conv2d",
    input: [224, 224, 1],
    output: [54, 54, 96],
    weights: [[11, 11, 1, 96], [96]],
    macs: 54 * 54 * 96 * 121,
  },
  {
    what: "conv2d 5/2 same",
    layer: conv2d({ filters: 5, kernelSize: 5, strides: 2, padding: same }),
    kind: "conv2d",
    input: [7, 8, 3],
    output: [4, 4, 5],
    weights: [[5, 5, 3, 5], [5]],
    macs: 4 * 4 * 5 * 75,
  },
  {
    what: "conv2d with a window and strides that are not square",
    layer: conv2d({ filters: 2, kernelSize: [1, 3], strides: [2, 1] }),
    kind: "conv2d",
    input: [5, 5, 3],
    output: [3, 3, 2],
    weights: [[1, 3, 3, 2], [2]],
    macs: 3 * 3 * 2 * 9,
  },
  {
    what: "conv2d as large as the image",
    layer: conv2d({ filters: 4, kernelSize: 3 }),
    kind: "conv2d",
    input: [3, 3, 1],
    output: [1, 1, 4],
    weights: [[3, 3, 1, 4], [4]],
    macs: 36,
  },
  {
    what: "max pool 3/2",
    layer: maxPool2d({ poolSize: 3, strides: 2 }),
    kind: "max_pool2d",
    input: [54, 54, 96],
    output: [26, 26, 96],
  },
  {
    what: "max pool 2 with its default stride, the last row left out",
    layer: maxPool2d({ poolSize: 2 }),
    kind: "max_pool2d",
    input: [5, 4, 3],
    output: [2, 2, 3],
  },
  {
    what: "average pool 2 same",
    layer: averagePool2d({ poolSize: 2, padding: same }),
    kind: "average_pool2d",
    input: [5, 4, 3],
    output: [3, 2, 3],
  },
  {
    what: "dense",
    layer: dense({ units: 7 }),
    kind: "dense",
    input: [5],
    output: [7],
    weights: [[5, 7], [7]],
    macs: 35,
  },
  {
    what: "flatten",
    layer: flatten(),
    kind: "flatten",
    input: [5, 4, 3],
    output: [60],
  },
  {
    what: "dropout of images",
    layer: dropout({ rate: 0.5 }),
    kind: "dropout",
    input: [5, 4, 3],
    output: [5, 4, 3],
  },
  {
    what: "relu of vectors",
    layer: relu(),
    kind: "relu",
    input: [6],
    output: [6],
  },
  {
    what: "sigmoid",
    layer: sigmoid(),
    kind: "sigmoid",
    input: [2, 2, 1],
    output: [2, 2, 1],
  },
];
for (const { what, layer, kind, input, output, weights, macs } of CASES) {
  Deno.test(`${what}: [${input}] becomes [${output}]`, () => {
    assertEquals(layer.kind, kind);
    assertEquals(layer.outputShape(input), output);
    const specs = layer.weights(input);
    assertEquals(specs.map(({ shape }) => shape), weights ?? []);
    assertEquals(
      specs.map(({ name }) => name),
      ["kernel", "bias"].slice(0, specs.length),
    );
    assertEquals(layer.macs(input), macs ?? 0);
  });
}

const UNFIT: [what: string, layer: Layer, input: Shape, message: string][] = [
  [
    "conv2d to an image smaller than its window",
    conv2d({ filters: 1, kernelSize: 11 }),
    [10, 12, 1],
    'its window is 11x11; use larger images or padding "same"',
  ],
  [
    "conv2d to a vector",
    conv2d({ filters: 1, kernelSize: 1 }),
    [10],
    "expected [height, width, channels]",
  ],
  [
    "max_pool2d to an image smaller than its window",
    maxPool2d({ poolSize: [1, 4] }),
    [10, 3, 1],
    "its window is 1x4",
  ],
  [
    "average_pool2d to a vector",
    averagePool2d({ poolSize: 2 }),
    [10],
    "expected [height, width, channels]",
  ],
  [
    "dense to an image",
    dense({ units: 1 }),
    [2, 2, 1],
    "put flatten() before it",
  ],
];
for (const [what, layer, input, message] of UNFIT) {
  Deno.test(`outputShape() refuses ${what}`, () => {
    const error = assertThrows(() => layer.outputShape(input), ShapeError);
    const start = `Cannot apply ${layer.kind} to shape [${input}]: `;
    assert(error.message.startsWith(start), error.message);
    assert(error.message.includes(message), error.message);
  });
}

/** A value of a type that the compiler refuses, as a JavaScript caller can pass it. */
const bad = (value: unknown): never => value as never;
const size = 1;
const REFUSED: [option: string, make: () => Layer][] = [
  ["filters", () => conv2d({ filters: 0, kernelSize: 1 })],
  ["filters", () => conv2d({ filters: 1.5, kernelSize: 1 })],
  ["kernelSize", () => conv2d({ filters: 1, kernelSize: 0 })],
  ["kernelSize", () => conv2d({ filters: 1, kernelSize: [3, -1] })],
  ["strides", () => conv2d({ filters: 1, kernelSize: size, strides: 0 })],
  ["strides", () => maxPool2d({ poolSize: 2, strides: [1, 0.5] })],
  ["poolSize", () => maxPool2d({ poolSize: NaN })],
  ["poolSize", () => averagePool2d({ poolSize: 0 })],
  [
    "padding",
    () => conv2d({ filters: 1, kernelSize: size, padding: bad("full") }),
  ],
  ["padding", () => averagePool2d({ poolSize: 2, padding: bad(0) })],
  [
    "activation",
    () => conv2d({ filters: 1, kernelSize: size, activation: bad("tanh") }),
  ],
  ["activation", () => dense({ units: 1, activation: bad("toString") })],
  ["units", () => dense({ units: 0 })],
  ["dropout", () => dropout({ rate: 1 })],
  ["dropout", () => dropout({ rate: -0.1 })],
  ["dropout", () => dropout({ rate: NaN })],
];
for (const [i, [option, make]] of REFUSED.entries()) {
  Deno.test(`layers refuse a wrong ${option} (case ${i + 1})`, () => {
    const error = assertThrows(make, OptionError);
    assertEquals(error.option, option);
    assertEquals(error.message.includes("\n"), false);
  });
}

Deno.test("Layer.config writes every option out", () => {
  const expected: [Layer, LayerConfig][] = [
    [conv2d({ filters: 2, kernelSize: 3 }), {
      kind: "conv2d",
      filters: 2,
      size: [3, 3],
      strides: [1, 1],
      padding: "valid",
      activation: "linear",
    }],
    [
      conv2d({
        filters: 2,
        kernelSize: [3, 4],
        strides: [5, 6],
        padding: "same",
        activation: "relu",
      }),
      {
        kind: "conv2d",
        filters: 2,
        size: [3, 4],
        strides: [5, 6],
        padding: "same",
        activation: "relu",
      },
    ],
    [maxPool2d({ poolSize: 3, strides: 2 }), {
      kind: "max_pool2d",
      size: [3, 3],
      strides: [2, 2],
      padding: "valid",
    }],
    [averagePool2d({ poolSize: [2, 3], padding: "same" }), {
      kind: "average_pool2d",
      size: [2, 3],
      strides: [2, 3],
      padding: "same",
    }],
    [dense({ units: 7, activation: "sigmoid" }), {
      kind: "dense",
      units: 7,
      activation: "sigmoid",
    }],
    [dropout({ rate: 0.25 }), { kind: "dropout", rate: 0.25 }],
    [flatten(), { kind: "flatten" }],
    [relu(), { kind: "relu" }],
    [sigmoid(), { kind: "sigmoid" }],
  ];
  for (const [layer, config] of expected) assertEquals(layer.config, config);
});
