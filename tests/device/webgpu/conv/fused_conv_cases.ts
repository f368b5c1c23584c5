/** Convolutions with bias, activation and pooling to test, with random tensors. */

import {
  device,
  type FusedActivation,
  type FusedConvOptions,
  type FusedPool,
} from "../../../../src/device/device.ts";
import {
  loadTf,
  type Tensor,
  type Tensor4D,
} from "../../../../src/device/tf.ts";
import {
  convSizes,
  poolOutputShape,
  poolSizes,
} from "../../../../src/device/sizes.ts";
import { numbers } from "../../../numbers.ts";
import type { Input } from "../run.ts";

type Pad = "same" | "valid";

/** Sizes of a convolution and a pooling. */
export interface FusedConvCase {
  /** `[batch, height, width, channels]`. */
  readonly input: readonly [number, number, number, number];
  /** `[height, width, filters]`. */
  readonly filter: readonly [number, number, number];
  readonly conv: {
    readonly strides: readonly [number, number];
    readonly pad: Pad;
  };
  /** The pooling, where one follows. */
  readonly pool: {
    readonly filterSize: number;
    readonly strides: number;
    readonly pad: Pad;
  };
  /** Images whose unpooled output may be bound. Default: all. */
  readonly fits?: number;
  /** Images of the parts that it is computed in. Default: all. */
  readonly parts?: readonly number[];
}

/** Convolutions that poolings may follow, over borders or leaving out pixels. */
const FUSED_CONVOLUTIONS: readonly FusedConvCase[] = [
  {
    input: [2, 9, 11, 3],
    filter: [3, 3, 8],
    conv: { strides: [1, 1], pad: "same" },
    pool: { filterSize: 3, strides: 2, pad: "valid" },
  },
  // Pooling leaves out the last row.
  {
    input: [1, 25, 19, 1],
    filter: [5, 4, 5],
    conv: { strides: [2, 2], pad: "valid" },
    pool: { filterSize: 2, strides: 2, pad: "valid" },
  },
  // Both reach over the border.
  {
    input: [2, 31, 23, 5],
    filter: [7, 5, 3],
    conv: { strides: [4, 4], pad: "same" },
    pool: { filterSize: 3, strides: 2, pad: "same" },
  },
  {
    input: [3, 7, 13, 8],
    filter: [3, 2, 1],
    conv: { strides: [1, 2], pad: "valid" },
    pool: { filterSize: 2, strides: 2, pad: "valid" },
  },
];

/** What follows a convolution. */
export interface FusedConvEpilogue {
  readonly activation: FusedActivation | undefined;
  /** Kind of the pooling, where one follows. */
  readonly kind: FusedPool["kind"] | undefined;
}

const ACTIVATIONS = [undefined, "relu", "sigmoid"] as const;
const POOLINGS = [undefined, "max", "average"] as const;

/** Every pair of a convolution, an activation and a pooling. */
export const FUSED_CASES: readonly (readonly [
  FusedConvCase,
  FusedConvEpilogue,
])[] = FUSED_CONVOLUTIONS.flatMap((convolution, i) =>
  ACTIVATIONS.map((activation, k) => {
    const kind = POOLINGS[(i + k) % POOLINGS.length];
    return [convolution, { activation, kind }] as const;
  })
);

/** Names a convolution and what follows it. */
export function nameFusedConv(
  { input, filter, conv, pool }: FusedConvCase,
  { activation, kind }: FusedConvEpilogue,
): string {
  const pooling = kind ? `${kind} pool ${Object.values(pool)}` : "no pool";
  return `${filter}/${conv.strides} ${conv.pad} of ${input}, ${activation}, ${pooling}`;
}

/** An operation and its tensors. */
export interface FusedConvSetUp
  extends Omit<FusedConvOptions, "needsInputGradient"> {
  readonly parts: readonly number[];
  /** Those below with their shapes. */
  readonly inputs: readonly Input[];
  readonly kernel: Float32Array;
  readonly bias: Float32Array;
  readonly x: Float32Array;
  /** Gradient of the output. */
  readonly dy: Float32Array;
}

/** The operation on tensors, on the device in use. */
export function fusedConvOf(
  options: FusedConvSetUp,
  needsInputGradient: boolean,
): (kernel: Tensor, bias: Tensor, x: Tensor) => Tensor {
  return (kernel: Tensor, bias: Tensor, x: Tensor): Tensor =>
    device().conv(
      { kernel: kernel as Tensor4D, bias, x: x as Tensor4D },
      { ...options, needsInputGradient },
    );
}

/** Makes an operation ready, with random tensors. */
export async function setUpFusedConv(
  { input, filter, fits = input[0], parts = [input[0]], ...c }: FusedConvCase,
  { activation, kind }: FusedConvEpilogue,
): Promise<FusedConvSetUp> {
  await loadTf();
  const [height, width, filters] = filter;
  const filterShape = [height, width, input[3], filters];
  const sizes = convSizes({ inShape: input, filterShape, ...c.conv });
  const inShape = [sizes.batch, sizes.outHeight, sizes.outWidth, filters];
  const pool = kind && { kind, sizes: poolSizes({ inShape, ...c.pool }) };
  const shape = pool ? poolOutputShape(pool.sizes) : inShape;
  const inputs = [filterShape, [filters], [...input], shape]
    .map((shape, seed) => ({
      values: numbers(shape.reduce((a, b) => a * b), [-1, 1], seed),
      shape,
    }));
  const [kernel, bias, x, dy] = inputs.map(({ values }) => values);
  const bytesPerImage = 4 * sizes.outHeight * sizes.outWidth * filters;
  const maxBytes = fits * bytesPerImage;
  const options = { sizes, pool, activation, maxBytes };
  return { ...options, parts, inputs, kernel, bias, x, dy };
}
