/**
 * Tests of convolution and its gradients on WebGPU against the references.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  conv2dFilterGradient,
  conv2dForward,
  conv2dInputGradient,
} from "../../src/kernels/conv2d.ts";
import { planFilterRows } from "../../src/kernels/conv_rows.ts";
import {
  type ConvSizes,
  inputPatches,
  outputPatches,
} from "../../src/kernels/conv_view.ts";
import { chooseTilings, type GemmSizes } from "../../src/kernels/tile.ts";
import { traitsOf } from "../../src/kernels/traits.ts";
import { assertClose } from "../compare.ts";
import { webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";
import { formTest } from "./forms.ts";
import { type ConvCase, CONVOLUTIONS, sizesOf } from "./conv2d_cases.ts";
import {
  referenceConv2d,
  referenceConv2dFilterGradient,
  referenceConv2dInputGradient,
} from "./reference.ts";
import { type Input, runKernel, sumTolerance, webgpuBackend } from "./run.ts";

for (const convolution of CONVOLUTIONS) {
  const { input, filter, strides, pad, hasBias, activation } = convolution;
  const what = `${filter}/${strides} ${pad} of ${input}`;
  const after = [hasBias ? "bias" : "", activation ?? ""].filter(Boolean);
  const epilogue = after.length > 0 ? ` with ${after.join(", ")}` : "";
  formTest(
    `conv2dForward() ${what}${epilogue} is the reference's`,
    async () => {
      const { sizes, x, filter } = await _tensors(convolution);
      const bias = numbers(sizes.outChannels, [-1, 1], 4);
      const values = await runKernel({
        inputs: [x, filter, { values: bias, shape: [bias.length] }],
        makes: await _makes(_products(sizes).forward),
        kernel: (backend, [x, filter, bias]) =>
          conv2dForward(backend, {
            x,
            filter,
            bias: hasBias ? bias : undefined,
            activation,
          }, sizes),
      });
      const expected = referenceConv2d({
        x: x.values,
        filter: filter.values,
        bias: hasBias ? bias : undefined,
        activation,
      }, sizes);
      const { depth } = _products(sizes).forward;
      assertClose(
        values,
        expected,
        sumTolerance(x.values, filter.values, depth),
      );
    },
  );

  formTest(`conv2dInputGradient() ${what} is the reference's`, async () => {
    const { sizes, dy, filter } = await _tensors(convolution);
    const values = await runKernel({
      inputs: [dy, filter],
      makes: await _makes(_products(sizes).inputGradient),
      kernel: (backend, [dy, filter]) =>
        conv2dInputGradient(backend, { dy, filter }, sizes),
    });
    assertClose(
      values,
      referenceConv2dInputGradient(
        { dy: dy.values, filter: filter.values },
        sizes,
      ),
      sumTolerance(
        dy.values,
        filter.values,
        _products(sizes).inputGradient.depth,
      ),
    );
  });

  formTest(`conv2dFilterGradient() ${what} is the reference's`, async () => {
    const { sizes, x, dy } = await _tensors(convolution);
    const values = await runKernel({
      inputs: [x, dy],
      makes: await _makesFilter(sizes),
      kernel: (backend, [x, dy]) =>
        conv2dFilterGradient(backend, { x, dy }, sizes),
    });
    assertClose(
      values,
      referenceConv2dFilterGradient({ x: x.values, dy: dy.values }, sizes),
      sumTolerance(x.values, dy.values, _products(sizes).filterGradient.depth),
    );
  });
}

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
    for (const [name, product] of Object.entries(_products(sizes))) {
      const [{ isTransposed, splits }] = chooseTilings(product, {
        isSoftware: true,
        lanes: 8,
        maxBindingBytes: 2 ** 27,
        hasRows: false,
        source: "buffers",
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

async function _tensors(
  convolution: ConvCase,
): Promise<{ sizes: ConvSizes; x: Input; filter: Input; dy: Input }> {
  const s = await sizesOf(convolution);
  const tensor = (seed: number, ...shape: number[]) => ({
    values: numbers(shape.reduce((a, b) => a * b), [-1, 1], seed),
    shape,
  });
  return {
    sizes: s,
    x: tensor(1, s.batch, s.inHeight, s.inWidth, s.inChannels),
    filter: tensor(
      2,
      s.filterHeight,
      s.filterWidth,
      s.inChannels,
      s.outChannels,
    ),
    dy: tensor(3, s.batch, s.outHeight, s.outWidth, s.outChannels),
  };
}

/** The convolution and its gradients as products. */
function _products(
  s: ConvSizes,
): Record<"forward" | "inputGradient" | "filterGradient", GemmSizes> {
  const outPixels = s.batch * s.outHeight * s.outWidth;
  const taps = s.filterHeight * s.filterWidth;
  return {
    forward: {
      batch: 1,
      rows: outPixels,
      columns: s.outChannels,
      depth: taps * s.inChannels,
    },
    inputGradient: {
      batch: 1,
      rows: s.batch * s.inHeight * s.inWidth,
      columns: s.inChannels,
      depth: taps * s.outChannels,
    },
    filterGradient: {
      batch: 1,
      rows: taps * s.inChannels,
      columns: s.outChannels,
      depth: outPixels,
    },
  };
}

/** The same for the gradient of a filter, be it by rows or as a product. */
async function _makesFilter(sizes: ConvSizes): Promise<number[]> {
  const product = _products(sizes).filterGradient;
  const plan = planFilterRows(traitsOf(await webgpuBackend()), sizes);
  if (plan === undefined) return await _makes(product);
  const size = product.rows * product.columns;
  return [size, plan.splits * plan.lanes * size];
}

/** Sizes of the output and of the parts that it is added up from. */
async function _makes(product: GemmSizes): Promise<number[]> {
  const [{ splits }] = chooseTilings(product, traitsOf(await webgpuBackend()));
  const size = product.rows * product.columns;
  return splits === 1 ? [size] : [size, splits * size];
}
