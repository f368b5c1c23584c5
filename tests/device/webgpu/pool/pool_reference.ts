/** What the kernels of pooling compute, in plain TypeScript with float64 sums. */

import type { PoolSizes } from "../../../../src/device/sizes.ts";
import { eachTap } from "../reference.ts";

type Numbers = ArrayLike<number>;

/** Max pooling: the output, NHWC, and the index in `x` of the first largest value of each window. */
export function referenceMaxPool(
  x: Numbers,
  sizes: PoolSizes,
  nan: "largest" | "ignored" = "ignored",
): { values: Float64Array; places: Int32Array } {
  const size = outputSize(sizes);
  const values = new Float64Array(size);
  const places = new Int32Array(size).fill(-1);
  eachElement(sizes, (atX, atY) => {
    const [value, best] = [x[atX], values[atY]];
    if (Number.isNaN(value) && (nan === "ignored" || Number.isNaN(best))) {
      return;
    }
    if (places[atY] < 0 || value > best || Number.isNaN(value)) {
      values[atY] = value;
      places[atY] = atX;
    }
  });
  return { values, places };
}

/** Gradient of max pooling, where a NaN is ignored. */
export function referenceMaxPoolGradient(
  tensors: { dy: Numbers; x: Numbers },
  sizes: PoolSizes,
): Float64Array {
  const { places } = referenceMaxPool(tensors.x, sizes);
  const dx = new Float64Array(tensors.x.length);
  places.forEach((place, i) => dx[place] += tensors.dy[i]);
  return dx;
}

/** Average pooling: means over what a window holds of the image. */
export function referenceAveragePool(
  x: Numbers,
  sizes: PoolSizes,
): Float64Array {
  const sums = new Float64Array(outputSize(sizes));
  eachElement(sizes, (atX, atY) => sums[atY] += x[atX]);
  const counts = countElements(sizes);
  return sums.map((sum, i) => sum / counts[i]);
}

/** Gradient of average pooling by its input, from that of its output. */
export function referenceAveragePoolGradient(
  dy: Numbers,
  sizes: PoolSizes,
): Float64Array {
  const { batch, inHeight, inWidth, channels } = sizes;
  const counts = countElements(sizes);
  const dx = new Float64Array(batch * inHeight * inWidth * channels);
  eachElement(sizes, (atX, atY) => dx[atX] += dy[atY] / counts[atY]);
  return dx;
}

/** Elements of the image in the window of each output. */
function countElements(sizes: PoolSizes): Int32Array {
  const counts = new Int32Array(outputSize(sizes));
  eachElement(sizes, (_, atY) => counts[atY]++);
  return counts;
}

function outputSize(s: PoolSizes): number {
  return s.batch * s.outHeight * s.outWidth * s.channels;
}

/** Calls back with the places of input and output, for each element of each window that is inside of the image. */
function eachElement(
  sizes: PoolSizes,
  visit: (atX: number, atY: number) => void,
): void {
  const { channels } = sizes;
  const windows = {
    ...sizes,
    filterHeight: sizes.windowHeight,
    filterWidth: sizes.windowWidth,
    inChannels: channels,
    outChannels: channels,
  };
  eachTap(windows, (atX, _, atY) => {
    for (let c = 0; c < channels; c++) visit(atX + c, atY + c);
  });
}
