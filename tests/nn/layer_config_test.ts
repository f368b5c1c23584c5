/**
 * Tests of layers as plain data.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  averagePool2d,
  conv2d,
  dense,
  dropout,
  flatten,
  type Layer,
  type LayerConfig,
  maxPool2d,
  relu,
  sigmoid,
} from "../../src/nn/mod.ts";

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
