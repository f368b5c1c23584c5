/** What the kernels compute, in plain TypeScript with float64 sums. */

import type { FusedActivation } from "../../../src/device/device.ts";
import type { ConvSizes } from "../../../src/device/sizes.ts";
import type { MatmulSizes } from "../../../src/device/webgpu/gemm/product.ts";

type Numbers = ArrayLike<number>;

/** What follows a sum. */
export interface ReferenceEpilogue {
  /** One value per column (or output channel). */
  readonly bias?: Numbers;
  /** Applied to the biased sums. */
  readonly activation?: FusedActivation;
}

/** Applies an activation, or none. */
export function activate(
  value: number,
  activation: FusedActivation | undefined,
): number {
  if (activation === "relu") return value < 0 ? 0 : value;
  return activation === "sigmoid" ? 1 / (1 + Math.exp(-value)) : value;
}

/** Convolution: `x` is NHWC, `filter` HWIO, the output NHWC. */
export function referenceConv2d(
  tensors: { x: Numbers; filter: Numbers } & ReferenceEpilogue,
  sizes: ConvSizes,
): Float64Array {
  const { x, filter } = tensors;
  const { batch, outHeight, outWidth, inChannels, outChannels } = sizes;
  const y = new Float64Array(batch * outHeight * outWidth * outChannels);
  eachTap(sizes, (atX, atFilter, atY) => {
    for (let c = 0; c < inChannels; c++) {
      for (let o = 0; o < outChannels; o++) {
        y[atY + o] += x[atX + c] * filter[atFilter + c * outChannels + o];
      }
    }
  });
  return finish(y, outChannels, tensors);
}

/** Gradient of a convolution for its input. */
export function referenceConv2dInputGradient(
  tensors: { dy: Numbers; filter: Numbers },
  sizes: ConvSizes,
): Float64Array {
  const { dy, filter } = tensors;
  const { batch, inHeight, inWidth, inChannels, outChannels } = sizes;
  const dx = new Float64Array(batch * inHeight * inWidth * inChannels);
  eachTap(sizes, (atX, atFilter, atY) => {
    for (let c = 0; c < inChannels; c++) {
      for (let o = 0; o < outChannels; o++) {
        dx[atX + c] += dy[atY + o] * filter[atFilter + c * outChannels + o];
      }
    }
  });
  return dx;
}

/** Gradient of a convolution for its filter. */
export function referenceConv2dFilterGradient(
  tensors: { x: Numbers; dy: Numbers },
  sizes: ConvSizes,
): Float64Array {
  const { x, dy } = tensors;
  const { filterHeight, filterWidth, inChannels, outChannels } = sizes;
  const size = filterHeight * filterWidth * inChannels * outChannels;
  const dFilter = new Float64Array(size);
  eachTap(sizes, (atX, atFilter, atY) => {
    for (let c = 0; c < inChannels; c++) {
      for (let o = 0; o < outChannels; o++) {
        dFilter[atFilter + c * outChannels + o] += x[atX + c] * dy[atY + o];
      }
    }
  });
  return dFilter;
}

/** Product of matrices, or of batches of them: `[batch, rows, columns]`. */
export function referenceMatmul(
  tensors: { a: Numbers; b: Numbers } & ReferenceEpilogue,
  sizes: MatmulSizes,
): Float64Array {
  const { a, b } = tensors;
  const { batch, batchA, batchB, rows, columns, depth } = sizes;
  const output = new Float64Array(batch * rows * columns);
  for (let i = 0; i < batch * rows * columns; i++) {
    const column = i % columns;
    const row = Math.floor(i / columns) % rows;
    const image = Math.floor(i / (rows * columns));
    const atA = batchA === 1 ? 0 : image * rows * depth;
    const atB = batchB === 1 ? 0 : image * columns * depth;
    for (let k = 0; k < depth; k++) {
      output[i] +=
        a[atA + (sizes.transposeA ? k * rows + row : row * depth + k)] *
        b[
          atB + (sizes.transposeB ? column * depth + k : k * columns + column)
        ];
    }
  }
  return finish(output, columns, tensors);
}

/**
 * Calls back for each tap inside the image, of each window, with the offsets of its pixel's channels in input, filter and output.
 */
export function eachTap(
  s: ConvSizes,
  visit: (atX: number, atFilter: number, atY: number) => void,
): void {
  for (let image = 0; image < s.batch; image++) {
    for (let pixel = 0; pixel < s.outHeight * s.outWidth; pixel++) {
      const atY = (image * s.outHeight * s.outWidth + pixel) * s.outChannels;
      const top = Math.floor(pixel / s.outWidth) * s.strideHeight - s.padTop;
      const left = pixel % s.outWidth * s.strideWidth - s.padLeft;
      for (let tap = 0; tap < s.filterHeight * s.filterWidth; tap++) {
        const y = top + Math.floor(tap / s.filterWidth);
        const x = left + tap % s.filterWidth;
        if (y < 0 || y >= s.inHeight || x < 0 || x >= s.inWidth) continue;
        const atX = ((image * s.inHeight + y) * s.inWidth + x) * s.inChannels;
        visit(atX, tap * s.inChannels * s.outChannels, atY);
      }
    }
  }
}

function finish(
  sums: Float64Array,
  columns: number,
  { bias, activation }: ReferenceEpilogue,
): Float64Array {
  return sums.map((sum, i) => {
    return activate(sum + (bias?.[i % columns] ?? 0), activation);
  });
}
