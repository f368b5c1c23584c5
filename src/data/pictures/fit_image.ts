/**
 * Pictures of any size and form to the size that a network takes. Where they shrink, a pixel is the mean of what it covers,
 * so that nothing is skipped; where they grow, it is interpolated.
 *
 * @module
 */

import type { Image } from "../dataset.ts";
import type { Extent } from "../transforms/window.ts";

/** How a picture of another form is made to fit: "contain" and "fill" of CSS's `object-fit`. */
export type Fit = "contain" | "fill";

/** The values of {@linkcode Fit}. */
export const FITS: readonly Fit[] = ["contain", "fill"];

/**
 * Fits an image to a size: stretches it ("fill"), or keeps its form and centres it on black ("contain"), as the
 * images of Fashion-MNIST are.
 */
export function fitImage(
  image: Image,
  { size, fit }: { size: Extent; fit: Fit },
): Image {
  if (fit === "fill") return resample(image, size);
  const scale = Math.min(size.height / image.height, size.width / image.width);
  const [height, width] = [image.height, image.width].map((side) =>
    Math.max(1, Math.round(side * scale))
  );
  const resized = resample(image, { height, width });
  if (height === size.height && width === size.width) return resized;
  const { channels } = image;
  const data = new Float32Array(size.height * size.width * channels);
  const top = Math.floor((size.height - height) / 2);
  const left = Math.floor((size.width - width) / 2);
  const stride = width * channels;
  for (let y = 0; y < height; y++) {
    const row = resized.data.subarray(y * stride, (y + 1) * stride);
    data.set(row, ((top + y) * size.width + left) * channels);
  }
  return { ...resized, data, ...size };
}

/** For each place along one side of the output: where in the input to begin, and what each place from there counts. */
type Axis = readonly { readonly first: number; readonly shares: number[] }[];

/**
 * Resizes an image to float32 of the same value range, without rounding. A side that shrinks is averaged over the part
 * of the input that each pixel covers, its edges in proportion, as OpenCV's `INTER_AREA` does. So an image that was
 * enlarged by repeating its pixels comes back as it was. A side that grows is interpolated as PyTorch's
 * `interpolate(mode="bilinear", align_corners=False)` does.
 */
export function resample(
  image: Image,
  { height, width }: { height: number; width: number },
): Image {
  if (image.height === height && image.width === width) return image;
  const rows = axis(image.height, height);
  const columns = axis(image.width, width);
  // The side that leaves fewer pixels comes first: the other may grow a hundred times.
  return image.height * width <= height * image.width
    ? blendRows(blendColumns(image, columns), rows)
    : blendColumns(blendRows(image, rows), columns);
}

function blendColumns(image: Image, columns: Axis): Image {
  const { height, channels } = image;
  const width = columns.length;
  const data = new Float32Array(height * width * channels);
  for (let y = 0, to = 0; y < height; y++) {
    for (const { first, shares } of columns) {
      const from = (y * image.width + first) * channels;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let i = 0; i < shares.length; i++) {
          sum += shares[i] * image.data[from + i * channels + c];
        }
        data[to++] = sum;
      }
    }
  }
  return { ...image, data, width };
}

function blendRows(image: Image, rows: Axis): Image {
  const stride = image.width * image.channels;
  const data = new Float32Array(rows.length * stride);
  rows.forEach(({ first, shares }, y) => {
    for (let x = 0; x < stride; x++) {
      let sum = 0;
      for (let i = 0; i < shares.length; i++) {
        sum += shares[i] * image.data[(first + i) * stride + x];
      }
      data[y * stride + x] = sum;
    }
  });
  return { ...image, data, height: rows.length };
}

function axis(inSize: number, outSize: number): Axis {
  const share = inSize > outSize ? covered : interpolated;
  return Array.from({ length: outSize }, (_, i) => share(i, inSize, outSize));
}

/** In units of 1 / outSize of an input pixel, in which all edges are integers. */
function covered(i: number, inSize: number, outSize: number): Axis[number] {
  const [begin, end] = [i * inSize, (i + 1) * inSize];
  const first = Math.floor(begin / outSize);
  const last = Math.ceil(end / outSize) - 1;
  const shares = Array.from({ length: last - first + 1 }, (_, k) => {
    const left = Math.max(begin, (first + k) * outSize);
    const right = Math.min(end, (first + k + 1) * outSize);
    return (right - left) / inSize;
  });
  return { first, shares };
}

function interpolated(
  i: number,
  inSize: number,
  outSize: number,
): Axis[number] {
  const position = Math.max(0, (i + 0.5) * inSize / outSize - 0.5);
  const first = Math.min(Math.floor(position), inSize - 1);
  if (first === inSize - 1) return { first, shares: [1] };
  const share = position - first;
  return { first, shares: [1 - share, share] };
}
