/**
 * Makes `tests/fixtures/pictures/`: a test image of each class as a PNG file, and as pictures that people have: enlarged, in
 * colour, as JPEG, dark on light.
 *
 * Run as `deno run --allow-read --allow-write scripts/make_fixtures.ts`; the result is the same on every run.
 */

import { encode as encodePng } from "fast-png";
import { encode as encodeJpeg } from "jpeg-js";
import { type Image, loadFashionMnist, resize } from "../src/data/mod.ts";

/**
 * Which test image to take of each class: the one of the 500 in the sample that `tests/fixtures/lenet.safetensors` is surest
 * of, so that neither an adapter nor a lossy format changes the answer.
 */
// deno-fmt-ignore
export const INDICES: readonly number[] = [400, 447, 1, 376, 109, 484, 246, 36, 30, 479];

const ENLARGEMENT = 3;

const JPEG_QUALITY = 80;

/** Shares of a grey that make red, green and blue of the same luma. */
const TINT = [1.15, 0.95, 0.86] as const;

/** A picture made of an image, as the content of a file. */
export interface Variant {
  /** What the names of its files end with. */
  readonly suffix: string;
  /** Whether it is dark on light. */
  readonly isInverted: boolean;
  /** Whether the picture has every pixel of the image, to the bit. */
  readonly isExact?: boolean;
  readonly encode: (image: Image) => Uint8Array;
}

/** What is made of each image. */
export const VARIANTS: readonly Variant[] = [
  { suffix: ".png", isInverted: false, isExact: true, encode: png },
  {
    suffix: "_enlarged.png",
    isInverted: false,
    encode: (image) => png(enlarge(image)),
  },
  {
    suffix: "_color.png",
    isInverted: false,
    encode: (image) => png(tint(image)),
  },
  {
    suffix: ".jpg",
    isInverted: false,
    encode: (image) => jpeg(enlarge(image)),
  },
  {
    suffix: "_inverted.png",
    isInverted: true,
    isExact: true,
    encode: (image) => png(invert(image)),
  },
  {
    suffix: "_photograph.jpg",
    isInverted: true,
    encode: (image) => jpeg(tint(invert(enlarge(image)))),
  },
];

/** Names the file of a picture, for example "9_ankle_boot.png". */
export function fileName(
  label: number,
  { className, suffix }: { className: string; suffix: string },
): string {
  return `${label}_${className.replaceAll(/[^a-z-]/g, "_")}${suffix}`;
}

function enlarge(image: Image): Image {
  const size = ENLARGEMENT * image.height;
  const enlarged = resize(size)(image);
  return { ...enlarged, data: Uint8Array.from(enlarged.data, Math.round) };
}

function invert(image: Image): Image {
  return { ...image, data: Uint8Array.from(image.data, (v) => 255 - v) };
}

function tint(image: Image): Image {
  const data = Uint8ClampedArray.from(
    { length: 3 * image.data.length },
    (_, i) => TINT[i % 3] * image.data[Math.floor(i / 3)],
  );
  return { ...image, data: new Uint8Array(data.buffer), channels: 3 };
}

function png(image: Image): Uint8Array {
  const data = image.data as Uint8Array;
  return encodePng({ ...image, data }, { zlib: { level: 9 } });
}

function jpeg({ data, width, height, channels }: Image): Uint8Array {
  const rgba = Uint8Array.from({ length: 4 * width * height }, (_, i) => {
    const [pixel, c] = [Math.floor(i / 4), i % 4];
    return c === 3 ? 255 : data[pixel * channels + (channels === 3 ? c : 0)];
  });
  return encodeJpeg({ data: rgba, width, height }, JPEG_QUALITY).data;
}

if (import.meta.main) {
  const folder = new URL("../tests/fixtures/pictures/", import.meta.url);
  await Deno.mkdir(folder, { recursive: true });
  // The first 500 test images of the full set, byte for byte.
  const { test: { dataset }, classNames } = await loadFashionMnist({
    source: "sample",
  });
  let numBytes = 0;
  for (const [label, index] of INDICES.entries()) {
    const { image } = dataset.get(index);
    for (const { suffix, encode } of VARIANTS) {
      const name = fileName(label, { className: classNames[label], suffix });
      const bytes = encode(image);
      await Deno.writeFile(new URL(name, folder), bytes);
      numBytes += bytes.length;
    }
  }
  console.log(
    `${INDICES.length * VARIANTS.length} pictures, ${numBytes} bytes`,
  );
}
