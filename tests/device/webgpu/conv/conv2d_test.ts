/** Tests of convolution and its gradients on WebGPU against the references. */

import { assertEquals } from "@std/assert";
import {
  conv2dFilterGradient,
  conv2dForward,
  conv2dInputGradient,
} from "../../../../src/device/webgpu/conv/conv2d.ts";
import {
  inputPatches,
  outputPatches,
} from "../../../../src/device/webgpu/conv/conv_view.ts";
import {
  chooseTilings,
  type GemmSizes,
} from "../../../../src/device/webgpu/gemm/tile.ts";
import { traitsOf } from "../../../../src/device/webgpu/run/ways.ts";
import { assertClose } from "../../../compare.ts";
import { webgpuTest } from "../../../device.ts";
import { numbers } from "../../../numbers.ts";
import { formTest } from "../forms.ts";
import { ALEXNET_FIRST, CONVOLUTIONS, sizesOf } from "./conv2d_cases.ts";
import {
  checkConv,
  checkConvFilterGradient,
  checkConvInputGradient,
  type ConvFilterGradient,
  type ConvForward,
  type ConvInputGradient,
  nameConv,
  nameEpilogue,
  productsOf,
} from "./conv2d_checks.ts";
import { runKernel, webgpuBackend } from "../run.ts";

const forward: ConvForward = async ({ x, filter, bias }, options) => {
  const { sizes, activation } = options;
  return await runKernel({
    inputs: bias ? [x, filter, bias] : [x, filter],
    makes: await makes(productsOf(sizes).forward),
    kernel: (backend, [x, filter, bias]) =>
      conv2dForward(backend, { x, filter, bias, activation }, sizes),
  });
};

const inputGradient: ConvInputGradient = async ({ dy, filter }, sizes) =>
  await runKernel({
    inputs: [dy, filter],
    makes: await makes(productsOf(sizes).inputGradient),
    kernel: (backend, [dy, filter]) =>
      conv2dInputGradient(backend, { dy, filter }, sizes),
  });

const filterGradient: ConvFilterGradient = async ({ x, dy }, sizes) => [
  await runKernel({
    inputs: [x, dy],
    makes: await makes(productsOf(sizes).filterGradient),
    kernel: (backend, [x, dy]) =>
      conv2dFilterGradient(backend, { x, dy }, sizes),
  }),
];

[...CONVOLUTIONS, ALEXNET_FIRST].forEach((convolution) => {
  const what = nameConv(convolution);
  formTest(
    `conv2dForward() ${what}${nameEpilogue(convolution)} is the reference's`,
    () => checkConv(convolution, forward),
  );
  formTest(
    `conv2dFilterGradient() ${what} is the reference's`,
    () => checkConvFilterGradient(convolution, filterGradient),
  );
  // No training takes the gradient of the images, and it is slow here.
  if (convolution === ALEXNET_FIRST) return;
  formTest(
    `conv2dInputGradient() ${what} is the reference's`,
    () => checkConvInputGradient(convolution, inputGradient),
  );
});

webgpuTest(
  "conv2dForward() takes more pixels than workgroups fit in a row",
  async () => {
    const side = 1500;
    const sizes = await sizesOf({
      input: [1, side, side, 1],
      filter: [1, 1, 1],
      strides: [1, 1],
      pad: "valid",
      hasBias: false,
    });
    const x = numbers(side * side);
    const values = await runKernel({
      inputs: [
        { values: x, shape: [1, side, side, 1] },
        { values: Float32Array.of(2), shape: [1, 1, 1, 1] },
      ],
      makes: [side * side],
      kernel: (backend, [x, filter]) =>
        conv2dForward(backend, { x, filter }, sizes),
    });
    assertClose(values, x.map((value) => 2 * value), {});
  },
);

Deno.test("CONVOLUTIONS cover both orientations, both kinds of loads, whole and split sums", async () => {
  const seen = new Set<string>();
  for (const convolution of CONVOLUTIONS) {
    const sizes = await sizesOf(convolution);
    for (const [name, product] of Object.entries(productsOf(sizes))) {
      const [{ isTransposed, splits }] = chooseTilings(product, {
        isSoftware: true,
        lanes: 8,
        maxBindingBytes: 2 ** 27,
        source: "textures",
        leastCopied: 0,
      });
      seen.add(`${name}, ${isTransposed ? "transposed" : "straight"}`);
      seen.add(`${name}, ${splits > 1 ? "split" : "whole"}`);
    }
    const reads = {
      input: inputPatches(sizes).isVector,
      output: outputPatches(sizes).isVector,
    };
    for (const [name, isVector] of Object.entries(reads)) {
      seen.add(`${name}, ${isVector ? "vectors" : "scalars"}`);
    }
  }
  const expected = [
    ...["forward", "inputGradient", "filterGradient"].flatMap((name) =>
      ["transposed", "straight", "split", "whole"].map((w) => `${name}, ${w}`)
    ),
    ...["input", "output"].flatMap((name) =>
      ["vectors", "scalars"].map((what) => `${name}, ${what}`)
    ),
  ];
  assertEquals([...seen].sort(), expected.sort());
});

/** Sizes of the output and of the parts that it is added up from. */
async function makes(product: GemmSizes): Promise<number[]> {
  const [{ splits }] = chooseTilings(product, traitsOf(await webgpuBackend()));
  const size = product.rows * product.columns;
  return splits === 1 ? [size] : [size, splits * size];
}
