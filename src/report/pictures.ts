/**
 * Images and filters as pictures within the page.
 *
 * @module
 */

import type { Image } from "../data/dataset.ts";
import { encodePng } from "../io/contact_sheet.ts";
import type { NamedTensor } from "../io/safetensors.ts";

/** Pixels of a picture per pixel of an image, both ways, so that it stays sharp wherever it is shown. */
const SCALE = 4;

/** Values of an image and what is black and white among them. */
interface Values {
  readonly height: number;
  readonly width: number;
  /** 1 is grey, 3 are red, green and blue. */
  readonly channels: number;
  readonly data: ArrayLike<number>;
  readonly range: readonly [black: number, white: number];
}

/** Makes a picture of an image. */
export function pictureOfImage(image: Image): string {
  return picture({ ...image, range: [0, image.maxValue] });
}

/** Makes a picture of each filter of a convolution: its smallest weight is black and its largest white. */
export function picturesOfFilters({ shape, values }: NamedTensor): string[] {
  const [height, width, numInputs, numFilters] = shape;
  const channels = numInputs === 3 ? 3 : 1;
  return Array.from({ length: numFilters }, (_, filter) => {
    const data = Array.from({ length: height * width * channels }, (_, i) => {
      const [pixel, channel] = [Math.floor(i / channels), i % channels];
      return values[(pixel * numInputs + channel) * numFilters + filter];
    });
    const range = [Math.min(...data), Math.max(...data)] as const;
    return picture({ height, width, channels, data, range });
  });
}

/** Enlarges without smoothing. */
function picture({ height, width, channels, data, range }: Values): string {
  const [black, white] = range;
  // Where all values are the same, all are black.
  const span = white > black ? white - black : 1;
  const size = { width: width * SCALE, height: height * SCALE };
  const pixels = new Uint8Array(size.width * size.height * 3);
  for (let i = 0; i < pixels.length; i++) {
    const [pixel, channel] = [Math.floor(i / 3), i % 3];
    const y = Math.floor(pixel / size.width / SCALE);
    const x = Math.floor(pixel % size.width / SCALE);
    const value = data[(y * width + x) * channels + channel % channels];
    pixels[i] = Math.round((value - black) / span * 255);
  }
  const png = encodePng({ ...size, data: pixels });
  return `data:image/png;base64,${png.toBase64()}`;
}
