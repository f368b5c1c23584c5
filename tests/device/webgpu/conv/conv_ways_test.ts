/** Tests of the ways to compute convolutions: which there are, which is usual, and that each gives the same. */

import type { ConvSizes } from "../../../../src/device/sizes.ts";
import type { Tensor } from "../../../../src/device/tf.ts";
import {
  conv2dFilterGradient,
  conv2dForward,
  conv2dInputGradient,
  convWays,
  KINDS,
} from "../../../../src/device/webgpu/conv/conv2d.ts";
import {
  type AdapterTraits,
  chooseWays,
} from "../../../../src/device/webgpu/run/ways.ts";
import { assertCloseTensor } from "../../../compare.ts";
import { webgpuTest } from "../../../device.ts";
import { type ConvCase, sizesOf } from "./conv2d_cases.ts";
import { runKernel, webgpuBackend } from "../run.ts";
import { chooseNamed, operationsIn, type Ran } from "../traces.ts";
import { setUpWinograd, winogradTolerance } from "./winograd_cases.ts";
import { assert, assertEquals } from "@std/assert";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

const SOFTWARE: AdapterTraits = {
  isSoftware: true,
  lanes: 8,
  maxBindingBytes: 2 ** 27,
  source: "textures",
  leastCopied: 65_536,
};
const GPU: AdapterTraits = { ...SOFTWARE, isSoftware: false, lanes: 1 };

const THREE = ["direct", "winograd 6x6", "winograd 4x4"];
const FIVE = ["direct", "winograd 4x4", "winograd 2x2"];

interface Listed {
  readonly what: string;
  readonly input: ConvCase["input"];
  readonly filter: ConvCase["filter"];
  readonly ways: readonly string[];
  /** On a software adapter. */
  readonly usual: string;
}

const LISTED: readonly Listed[] = [
  {
    what: "AlexNet's second convolution",
    input: [128, 26, 26, 96],
    filter: [5, 5, 256],
    ways: FIVE,
    usual: "winograd 4x4",
  },
  {
    what: "AlexNet's fourth",
    input: [128, 12, 12, 384],
    filter: [3, 3, 384],
    ways: THREE,
    usual: "winograd 4x4",
  },
  {
    what: "64 tiles and 32 channels",
    input: [1, 32, 32, 32],
    filter: [3, 3, 32],
    ways: THREE,
    usual: "winograd 4x4",
  },
  {
    what: "56 tiles",
    input: [1, 28, 32, 32],
    filter: [3, 3, 32],
    ways: THREE,
    usual: "direct",
  },
  {
    what: "28 channels",
    input: [1, 32, 32, 32],
    filter: [3, 3, 28],
    ways: THREE,
    usual: "direct",
  },
  {
    what: "7 taps",
    input: [8, 32, 32, 32],
    filter: [7, 7, 32],
    ways: ["direct", "winograd 2x2"],
    usual: "direct",
  },
  {
    what: "1 tap",
    input: [8, 32, 32, 32],
    filter: [1, 1, 32],
    ways: ["direct"],
    usual: "direct",
  },
];

for (const { what, input, filter, ways, usual } of LISTED) {
  Deno.test(`convWays() of ${what}: ${ways.join(", ")}; usually ${usual}`, async () => {
    const sizes = await sizesOf({ ...SMALL, input, filter });
    const others = ways.filter((way) => way !== usual);
    for (const kind of Object.values(KINDS)) {
      const fitting = (traits: AdapterTraits) =>
        convWays(kind, sizes, traits).filter(({ fits }) => fits === true)
          .map(({ name }) => name);
      assertEquals(fitting(SOFTWARE), [usual, ...others]);
      // Nothing is known of a GPU before it is measured.
      assertEquals(fitting(GPU), ways);
    }
  });
}

Deno.test("convWays() says of tiles why they do not fit", async () => {
  const reasons = async (change: Partial<ConvCase>) =>
    convWays(KINDS.forward, await sizesOf({ ...SMALL, ...change }), GPU)
      .filter(({ fits }) => fits !== true)
      .map(({ name, fits }) => `${name}: ${fits}`);
  assertEquals(await reasons({}), []);
  assertEquals(await reasons({ input: [2, 9, 10, 1] }), [
    "winograd 6x6: channels not in fours",
    "winograd 4x4: channels not in fours",
  ]);
  assertEquals(await reasons({ filter: [11, 11, 96], strides: [4, 4] }), [
    "winograd 2x2: stride above 1",
  ]);
  assertEquals(await reasons({ filter: [11, 11, 96] }), [
    "winograd 2x2: filter too large",
  ]);
});

type Compute = (
  backend: WebGPUBackend,
  tensors: readonly Tensor[],
  sizes: ConvSizes,
) => TensorInfo;

/** Of `x`, `filter`, `dy` and `bias`. */
const OPERATIONS: Readonly<Record<string, Compute>> = {
  conv2dForward: (backend, [x, filter, _, bias], sizes) =>
    conv2dForward(backend, { x, filter, bias, activation: "relu" }, sizes),
  conv2dInputGradient: (backend, [_, filter, dy], sizes) =>
    conv2dInputGradient(backend, { dy, filter }, sizes),
  conv2dFilterGradient: (backend, [x, _, dy], sizes) =>
    conv2dFilterGradient(backend, { x, dy }, sizes),
};

const SMALL: ConvCase = {
  input: [2, 9, 10, 32],
  filter: [3, 3, 36],
  strides: [1, 1],
  pad: "same",
  hasBias: true,
  activation: "relu",
};

for (const [name, compute] of Object.entries(OPERATIONS)) {
  webgpuTest(`${name}() gives the same in each of its ways`, async () => {
    const { ways } = (await ran(compute))[0];
    assertEquals(ways, THREE);
    const results: Float32Array[] = [];
    for (const way of ways) results.push((await run(compute, way)).values);
    const [direct, ...tiled] = results;
    for (const values of tiled) {
      // In another way, so rounded differently.
      assert(values.some((value, i) => value !== direct[i]));
      assertCloseTensor(values, direct, { relative: winogradTolerance(8) });
    }
  });

  webgpuTest(
    `${name}() names the product that it is directly otherwise than itself, so that both can be tuned`,
    async () => {
      const [operation, ...others] = await ran(compute);
      assert(others.length > 0, "the product has several tiles");
      for (const { key } of others) assert(key !== operation.key, key);
    },
  );
}

/** The operations that one consists of, computed directly. */
async function ran(compute: Compute): Promise<readonly Ran[]> {
  return (await run(compute, "direct")).operations;
}

/** Computes in one way. */
async function run(compute: Compute, way: string) {
  const { sizes, x, filter, dy, bias } = await setUpWinograd(SMALL);
  const backend = await webgpuBackend();
  let operations: Ran[] = [];
  try {
    const values = await runKernel({
      inputs: [x, filter, dy, bias!],
      makes: [],
      kernel(backend, tensors) {
        let output: TensorInfo | undefined;
        const work = () => {
          if (output !== undefined) backend.disposeData(output.dataId);
          output = compute(backend, tensors, sizes);
        };
        assert(chooseNamed(backend, [way], work) > 0);
        operations = operationsIn(work);
        return output!;
      },
    });
    return { values, operations };
  } finally {
    chooseWays(backend, new Map());
  }
}
