import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { alexnetProducts } from "../../bench/alexnet_products.ts";
import { gflopPerImage } from "../../bench/step.ts";
import { alexnetLayers } from "../../src/models/alexnet.ts";
import { summarize } from "../../src/nn/sequential.ts";

Deno.test("alexnetProducts() are all that a training step multiplies", () => {
  const { layers, inputShape } = alexnetLayers();
  const products = alexnetProducts(128);
  const sum = products.reduce((sum, { gflop }) => sum + gflop, 0);
  const expected = 128 * gflopPerImage(summarize(layers, inputShape));
  assertAlmostEquals(sum, expected, 1e-9 * expected);
  for (const { name, rows, columns, depth, parts, gflop } of products) {
    const macs = parts * rows * columns * depth;
    assertAlmostEquals(2 * macs / 1e9, gflop, 1e-9, name);
  }
});

Deno.test("alexnetProducts() keeps matrices of patches below what it is told", () => {
  const maxPatchBytes = 8 * 2 ** 20;
  const products = alexnetProducts(12, { maxPatchBytes })
    .filter(({ name }) => /^conv2d_\d forward$/.test(name));
  assertEquals(products.length, 5);
  for (const { name, rows, depth, parts, layer } of products) {
    const bytes = 4 * rows * depth;
    const isOneImage = parts === 12;
    assert(bytes <= maxPatchBytes || isOneImage, `${name}: ${bytes} bytes`);
    const [height, width] = layer.outputShape;
    assertEquals(rows * parts, 12 * height * width, name);
  }
});
