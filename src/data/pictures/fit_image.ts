/**
 * Fits pictures of any size and form to the square that a network takes. If they shrink, a pixel is the mean of what it covers,
 * so that nothing is skipped; if they grow, it is interpolated.
 *
 * @module
 */

import type { Extent } from "../../device/sizes.ts";
import type { Image } from "../dataset.ts";
import { lookThrough } from "../transforms/crop.ts";

/** How a picture that is not square is made so: "contain" and "fill" of CSS's `object-fit`. */
export type Fit = "contain" | "fill";

/** The values of {@linkcode Fit}. */
export const FITS: readonly Fit[] = ["contain", "fill"];

/**
 * Fits an image to a square: stretches it ("fill"), or keeps its form and centres it on black ("contain"), as the
 * images of Fashion-MNIST are.
 */
export function fitImage(
  image: Image,
  { size, fit }: { size: number; fit: Fit },
): Image {
  if (fit === "fill") return resample(image, { height: size, width: size });
  const scale = size / Math.max(image.height, image.width);
  const [height, width] = [image.height, image.width].map((side) =>
    Math.max(1, Math.round(side * scale))
  );
  const resized = resample(image, { height, width });
  if (height === width) return resized;
  return lookThrough(resized, {
    top: -Math.floor((size - height) / 2),
    left: -Math.floor((size - width) / 2),
    height: size,
    width: size,
    isFlipped: false,
  });
}

/** For each pixel along one side of the output: which pixel of the input is the first, and what those from there count. */
type Axis = readonly { readonly first: number; readonly shares: number[] }[];

/**
 * Resizes an image to float32 of the same value range, without rounding. A side that shrinks is averaged over the part
 * of the input that each pixel covers, its edges in proportion, as OpenCV's `INTER_AREA` does. So an image that was
 * enlarged by repeating its pixels comes back as it was. A side that grows is interpolated as PyTorch's
 * `interpolate(mode="bilinear", align_corners=False)` does.
 */
export function resample(image: Image, { height, width }: Extent): Image {
  if (image.height === height && image.width === width) return image;
  const { channels } = image;
  const blendRows = (data: Image["data"], width: number) =>
    blend(data, axis(image.height, height), [image.height, width * channels]);
  const blendColumns = (data: Image["data"]) =>
    blend(data, axis(image.width, width), [image.width, channels]);
  // The side that leaves fewer pixels comes first: the other may grow a hundred times.
  const data = image.height * width <= height * image.width
    ? blendRows(blendColumns(image.data), width)
    : blendColumns(blendRows(image.data, image.width));
  return { ...image, data, height, width };
}

/** Blends along the first of the last two dimensions of an array, whose sizes are given. */
function blend(
  data: Image["data"],
  axis: Axis,
  [size, inner]: [size: number, inner: number],
): Float32Array {
  const outer = data.length / (size * inner);
  const out = new Float32Array(outer * axis.length * inner);
  for (let o = 0, to = 0; o < outer; o++) {
    for (const { first, shares } of axis) {
      const from = (o * size + first) * inner;
      for (let c = from; c < from + inner; c++) {
        let sum = 0;
        for (let i = 0; i < shares.length; i++) {
          sum += shares[i] * data[c + i * inner];
        }
        out[to++] = sum;
      }
    }
  }
  return out;
}

function axis(inSize: number, outSize: number): Axis {
  return Array.from({ length: outSize }, (_, i) => {
    if (inSize <= outSize) {
      const position = Math.max(0, (i + 0.5) * inSize / outSize - 0.5);
      const first = Math.min(Math.floor(position), inSize - 1);
      if (first === inSize - 1) return { first, shares: [1] };
      const share = position - first;
      return { first, shares: [1 - share, share] };
    }
    // In units of 1 / outSize of an input pixel, all edges are integers.
    const [begin, end] = [i * inSize, (i + 1) * inSize];
    const first = Math.floor(begin / outSize);
    const last = Math.ceil(end / outSize) - 1;
    const shares = Array.from({ length: last - first + 1 }, (_, k) => {
      const left = Math.max(begin, (first + k) * outSize);
      const right = Math.min(end, (first + k + 1) * outSize);
      return (right - left) / inSize;
    });
    return { first, shares };
  });
}
