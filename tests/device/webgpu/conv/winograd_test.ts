/** Tests of convolution by tiles and its gradients on WebGPU against the references. */

import {
  pretendTraits,
  traitsOf,
} from "../../../../src/device/webgpu/run/ways.ts";
import {
  fitsWinograd,
  tiledParts,
} from "../../../../src/device/webgpu/conv/winograd.ts";
import { webgpuTest } from "../../../device.ts";
import { type ConvCase, sizesOf } from "./conv2d_cases.ts";
import { formTest, passTest } from "../forms.ts";
import { webgpuBackend } from "../run.ts";
import { checkWinograd, setUpWinograd } from "./winograd_cases.ts";
import { assertEquals } from "@std/assert";

const MAX_BYTES = 2 ** 27;

/** Of sizes that no tile divides, in or out; the last are smaller than a tile. */
const CASES: readonly ConvCase[] = [
  caseOf([2, 7, 9, 4], [3, 3, 8], "same", "bias relu"),
  caseOf([3, 10, 5, 12], [3, 3, 4], "valid", "bias"),
  caseOf([1, 13, 11, 8], [3, 3, 96], "same"),
  caseOf([2, 9, 7, 96], [5, 5, 12], "same", "bias relu"),
  caseOf([1, 11, 14, 4], [5, 5, 4], "valid", "relu"),
  caseOf([3, 8, 9, 8], [2, 2, 12], "same", "bias"),
  caseOf([2, 9, 10, 12], [2, 2, 8], "valid", "bias relu"),
  // Pads on some sides only, and by all but one of the taps.
  caseOf([2, 9, 7, 4], [3, 3, 8], [[0, 0], [2, 0], [1, 2], [0, 0]], "bias"),
  caseOf([2, 3, 3, 4], [3, 3, 4], "valid", "bias"),
  caseOf([1, 1, 2, 8], [5, 5, 4], "same", "bias relu"),
];

CASES.forEach((testCase, i) => {
  // Copying to textures has nothing to do with the sizes of filters: one is enough.
  const test = i === 0 ? passTest : webgpuTest;
  test(
    `convolution by tiles of 4x4 ${
      nameOf(testCase)
    } and its gradients are the references'`,
    async () => await checkWinograd(await setUpWinograd(testCase), [4]),
  );
});

// As above, with the products of every kind of adapter.
for (const testCase of [CASES[0], CASES[3]]) {
  formTest(
    `convolution by tiles of 4x4 ${nameOf(testCase)} are the references'`,
    async () => await checkWinograd(await setUpWinograd(testCase), [4]),
  );
}

// The other tiles, up to the largest that fit.
for (const [r, tiles] of [[2, [7]], [3, [1, 2, 6]], [5, [2]]] as const) {
  const testCase = caseOf([2, 8, 9, 4], [r, r, 8], "same", "bias relu");
  webgpuTest(
    `convolution by tiles of ${tiles.map((m) => `${m}x${m}`)} ${
      nameOf(testCase)
    } and its gradients are the references'`,
    async () => {
      const set = await setUpWinograd(testCase);
      for (const m of tiles) {
        assertEquals(fitsWinograd(set.sizes, m, MAX_BYTES), true);
      }
      await checkWinograd(set, tiles);
    },
  );
}

interface Cut {
  readonly convolution: ConvCase;
  readonly m: number;
  /** Bytes that the adapter binds. */
  readonly maxBindingBytes: number;
  /** Images of each part. */
  readonly counts: readonly number[];
}

/** Batches in parts, of which the last is smaller. */
const CUTS: readonly Cut[] = [
  {
    convolution: caseOf([7, 8, 8, 8], [3, 3, 12], "same", "bias relu"),
    m: 2,
    // Three images of 16 places, 16 tiles and 12 channels.
    maxBindingBytes: 3 * 16 * 16 * 12 * 4,
    counts: [3, 3, 1],
  },
  // May be cut at every second image only: of 288 and of 160 numbers. As many tiles cover the input.
  {
    convolution: caseOf([5, 8, 9, 4], [5, 5, 8], "valid", "bias"),
    m: 2,
    maxBindingBytes: 5 * 36 * 20 * 8 * 4 - 4,
    counts: [4, 1],
  },
];

for (const { convolution, m, maxBindingBytes, counts } of CUTS) {
  webgpuTest(
    `convolution by tiles ${
      nameOf(convolution)
    } in parts of ${counts} and its gradients are the references'`,
    async () => {
      const backend = await webgpuBackend();
      const set = await setUpWinograd(convolution);
      assertEquals(
        tiledParts(set.sizes, m, { maxBytes: maxBindingBytes, isHalf: false })
          .map(({ count }) => count),
        counts,
      );
      pretendTraits(backend, { ...traitsOf(backend), maxBindingBytes });
      try {
        await checkWinograd(set, [m]);
      } finally {
        pretendTraits(backend);
      }
    },
  );
}

const REFUSED: readonly (readonly [
  change: Partial<ConvCase>,
  m: number,
  reason: string,
])[] = [
  [{}, 7, "filter too large"],
  [{ filter: [5, 5, 4] }, 5, "filter too large"],
  [{ filter: [1, 1, 8] }, 4, "filter not square, or 1x1"],
  [{ filter: [3, 5, 8] }, 2, "filter not square, or 1x1"],
  [{ filter: [3, 3, 6] }, 4, "channels not in fours"],
  [{ input: [2, 9, 9, 6] }, 4, "channels not in fours"],
  [{ strides: [1, 2] }, 4, "stride above 1"],
  [{ strides: [2, 1] }, 4, "stride above 1"],
  [
    { pad: [[0, 0], [3, 0], [0, 0], [0, 0]] },
    4,
    "padding of a whole filter",
  ],
  [
    { pad: [[0, 0], [0, 0], [3, 0], [0, 0]] },
    4,
    "padding of a whole filter",
  ],
];

Deno.test("fitsWinograd() is for strides of 1, square filters, multiples of 4 channels and tiles of up to 8 places", async () => {
  const fits = async (change: Partial<ConvCase>, m: number) => {
    const convolution = caseOf([2, 9, 9, 8], [3, 3, 8], "same");
    const sizes = await sizesOf({ ...convolution, ...change });
    return fitsWinograd(sizes, m, MAX_BYTES);
  };
  assertEquals(await fits({}, 6), true);
  assertEquals(await fits({ filter: [5, 5, 4] }, 4), true);
  for (const [change, m, reason] of REFUSED) {
    assertEquals(await fits(change, m), reason);
  }
});

Deno.test("fitsWinograd() is not for tensors of tiles that the adapter cannot bind", async () => {
  const check = async (
    input: ConvCase["input"],
    filter: ConvCase["filter"],
    bytes: number,
  ) => {
    const sizes = await sizesOf(caseOf(input, filter, "same"));
    assertEquals(fitsWinograd(sizes, 4, bytes), true);
    assertEquals(
      fitsWinograd(sizes, 4, bytes - 1),
      "more bytes than can be bound",
    );
  };
  // 36 places of 9 tiles of an image, whose numbers 64 divides.
  await check([2, 12, 12, 8], [3, 3, 8], 36 * 9 * 8 * 4);
  // Parts can begin at every second image only: of 96 numbers.
  await check([2, 4, 6, 4], [3, 3, 4], 2 * 36 * 2 * 4 * 4);
  // The transformed filter is larger than the tiles of an image.
  await check([2, 4, 4, 64], [3, 3, 64], 36 * 64 * 64 * 4);
});

function caseOf(
  input: ConvCase["input"],
  filter: ConvCase["filter"],
  pad: ConvCase["pad"],
  epilogue: "" | "bias" | "relu" | "bias relu" = "",
): ConvCase {
  return {
    input,
    filter,
    strides: [1, 1],
    pad,
    hasBias: epilogue.includes("bias"),
    activation: epilogue.includes("relu") ? "relu" : undefined,
  };
}

function nameOf(
  { input, filter, pad, hasBias, activation }: ConvCase,
): string {
  const after = [hasBias ? "bias" : "", activation ?? ""].filter(Boolean);
  return [`${filter} ${pad} of ${input}`, ...after].join(" ");
}
