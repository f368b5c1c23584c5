/** Transforms that move, cut, extend or mirror images: each looks at an image through a window. */

import type { Extent } from "../../device/sizes.ts";
import { OptionError, ShapeError } from "../../errors.ts";
import { requireNumber } from "../../options.ts";
import type { Image } from "../dataset.ts";
import {
  define,
  type ImageWindow,
  parseSize,
  type Random,
  type Size,
  type Transform,
} from "./transform.ts";

/**
 * Cuts out the middle, like torchvision's `CenterCrop` (which rounds an offset of one half to the even neighbour).
 *
 * @param size Size of the output.
 * @returns Makes images of that size, with the dtype of the input; throws ShapeError if the image is smaller.
 * @throws {OptionError} If a side is not a positive integer.
 */
export function centerCrop(size: Size): Transform {
  const { height, width } = parseSize("centerCrop", size);
  const draw = (image: Extent): ImageWindow[] => {
    if (image.height < height || image.width < width) {
      throw new ShapeError(
        `Cannot crop ${height}x${width} out of ${image.height}x${image.width}: resize to at least that size before centerCrop`,
      );
    }
    const top = roundHalfEven((image.height - height) / 2);
    const left = roundHalfEven((image.width - width) / 2);
    return [{ height, width, top, left, isFlipped: false }];
  };
  return define((image) => lookThrough(image, draw(image)[0]), {
    name: "centerCrop",
    args: [size],
    description: `crop the middle ${height}x${width}`,
    onDevice: { kind: "windows", draw },
  });
}

/** How to crop at random: names and defaults are those of torchvision's `RandomCrop`. */
export interface RandomCropOptions {
  /** Rows and columns to add before cropping: all sides, [left and right, top and bottom], or [left, top, right, bottom]. */
  padding?: number | readonly number[];
  /** Whether to add what is missing on both sides where an image is smaller than the crop. Default false. */
  padIfNeeded?: boolean;
  /** Value of what is added, for the mode "constant", in the units of the image: for uint8 a byte. Default 0. */
  fill?: number;
  /** What to add: `fill`, or the image's own edge, once or mirrored (without or with the edge twice). Default "constant". */
  paddingMode?: PaddingMode;
}

/** What is beyond the edges of an image, as in torchvision's `pad`. */
export type PaddingMode = "constant" | "edge" | "reflect" | "symmetric";

const PADDING_MODES = ["constant", "edge", "reflect", "symmetric"];

/**
 * Cuts out a random part, like torchvision's `RandomCrop`: each position where the part fits is as likely as any other.
 *
 * @param size Size of the output.
 * @param options What to add before cropping.
 * @returns Makes images of that size, with the dtype of the input; draws two random numbers; throws ShapeError if the image,
 * with what is added, is smaller, if it is too small to be mirrored as far as asked, or if it is uint8 and `fill` is no byte.
 * @throws {OptionError} If an option is not one of its values.
 */
export function randomCrop(
  size: Size,
  options: RandomCropOptions = {},
): Transform {
  const extent = parseSize("randomCrop", size);
  const { height, width } = extent;
  const { padding = 0, padIfNeeded = false } = options;
  const { fill = 0, paddingMode = "constant" } = options;
  const sides = sidesOf(padding);
  if (!Number.isFinite(fill)) throw new OptionError("fill", fill, "finite");
  if (!PADDING_MODES.includes(paddingMode)) {
    throw new OptionError(
      "paddingMode",
      paddingMode,
      `one of ${PADDING_MODES.join(", ")}`,
    );
  }
  const draw = (image: Extent, random: Random): ImageWindow[] => {
    const windows: ImageWindow[] = [];
    let current = image;
    const pad = (by: readonly number[]) => {
      const [left, top, right, bottom] = by;
      if (Math.max(...by) === 0) return;
      checkMirror(current, by, paddingMode);
      current = {
        height: current.height + top + bottom,
        width: current.width + left + right,
      };
      windows.push({ ...current, top: -top, left: -left, isFlipped: false });
    };
    pad(sides);
    if (padIfNeeded) {
      const across = Math.max(0, width - current.width);
      const down = Math.max(0, height - current.height);
      pad([across, down, across, down]);
    }
    const rows = current.height - height;
    const columns = current.width - width;
    if (rows < 0 || columns < 0) {
      throw new ShapeError(
        `Cannot crop ${height}x${width} out of ${current.height}x${current.width}: resize to at least that size before randomCrop, or give padding or padIfNeeded`,
      );
    }
    const top = Math.floor(random() * (rows + 1));
    const left = Math.floor(random() * (columns + 1));
    windows.push({ ...extent, top, left, isFlipped: false });
    return windows;
  };
  const isConstant = paddingMode === "constant";
  const isPadded = Math.max(...sides) > 0;
  const added = isPadded || padIfNeeded ? fill : undefined;
  const isByte = Number.isInteger(fill) && fill >= 0 && fill <= 255;
  return define(
    (image, random = Math.random) => {
      if (image.data instanceof Uint8Array && !isByte) {
        throw new ShapeError(
          `Cannot crop a uint8 image as fill must be an integer from 0 to 255: current value is ${fill}; put toTensor() before randomCrop()`,
        );
      }
      return draw(image, random).reduce<Image>(
        (seen, window) => lookThrough(seen, window, { paddingMode, fill }),
        image,
      );
    },
    {
      name: "randomCrop",
      args: [size, options],
      description: `crop a random ${height}x${width}${
        isPadded ? ` of the image with padding ${[padding].flat()}` : ""
      }${isConstant ? "" : ` (${paddingMode})`}`,
      onDevice: isConstant ? { kind: "windows", draw, fill: added } : undefined,
    },
  );
}

/** Left, top, right and bottom. */
function sidesOf(padding: number | readonly number[]): number[] {
  const given = [padding].flat();
  const isPossible = [1, 2, 4].includes(given.length) &&
    given.every((side) => Number.isInteger(side) && side >= 0);
  if (!isPossible) {
    throw new OptionError(
      "padding",
      String(padding),
      "one, two or four integers of at least 0",
    );
  }
  return [0, 1, 2, 3].map((side) => given[side % given.length]);
}

function checkMirror(
  { height, width }: Extent,
  by: readonly number[],
  mode: PaddingMode,
): void {
  if (mode !== "reflect" && mode !== "symmetric") return;
  const [left, top, right, bottom] = by;
  const spare = mode === "reflect" ? 1 : 0;
  if (
    Math.max(left, right) > width - spare ||
    Math.max(top, bottom) > height - spare
  ) {
    throw new ShapeError(
      `Cannot add padding ${by} to an image of ${height}x${width} in the mode "${mode}", which mirrors the image once: use less padding, or the mode "edge"`,
    );
  }
}

/** How likely a random transform is to do anything. */
export interface ProbabilityOptions {
  /** Probability in [0, 1]. Default 0.5. */
  p?: number;
}

/**
 * Exchanges left and right at random, like torchvision's `RandomHorizontalFlip`.
 *
 * @param options How likely.
 * @returns Makes images with the dtype of the input, or returns the image as it is; draws one random number.
 * @throws {OptionError} If the probability is not in [0, 1].
 */
export function randomHorizontalFlip(
  options: ProbabilityOptions = {},
): Transform {
  const p = requireNumber("p", options.p ?? 0.5, { min: 0, max: 1 });
  const draw = ({ height, width }: Extent, random: Random): ImageWindow[] => {
    const isFlipped = random() < p;
    return [{ height, width, top: 0, left: 0, isFlipped }];
  };
  return define(
    (image, random = Math.random) => {
      const [window] = draw(image, random);
      return window.isFlipped ? lookThrough(image, window) : image;
    },
    {
      name: "randomHorizontalFlip",
      args: [options],
      description: `flip left and right with probability ${p}`,
      onDevice: { kind: "windows", draw },
    },
  );
}

/** Gluon's name of {@linkcode randomHorizontalFlip}. */
export const randomFlipLeftRight: (options?: ProbabilityOptions) => Transform =
  randomHorizontalFlip;

/** Rounds as Python and so torchvision do: halves go to the even neighbour. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  return x - floor === 0.5 ? floor + Math.abs(floor % 2) : Math.round(x);
}

/** Makes an image of what a window shows, with the dtype of the image it is on. */
export function lookThrough(
  image: Image,
  { height, width, top, left, isFlipped }: ImageWindow,
  beyond: Pick<RandomCropOptions, "paddingMode" | "fill"> = {},
): Image {
  const { data, channels } = image;
  const { paddingMode = "constant", fill = 0 } = beyond;
  const numValues = height * width * channels;
  const out = data instanceof Uint8Array
    ? new Uint8Array(numValues)
    : new Float32Array(numValues);
  if (fill !== 0) out.fill(fill);
  const columns = Int32Array.from({ length: width }, (_, x) => {
    const column = left + (isFlipped ? width - 1 - x : x);
    return inside(column, image.width, paddingMode);
  });
  for (let y = 0; y < height; y++) {
    const row = inside(top + y, image.height, paddingMode);
    if (row < 0) continue;
    for (let x = 0; x < width; x++) {
      if (columns[x] < 0) continue;
      const from = (row * image.width + columns[x]) * channels;
      const to = (y * width + x) * channels;
      for (let c = 0; c < channels; c++) out[to + c] = data[from + c];
    }
  }
  return { ...image, data: out, height, width };
}

/** Finds the row or column that is shown at index `i`, which may be beyond their number `size`; -1 if none is. */
function inside(i: number, size: number, mode: PaddingMode): number {
  if (i >= 0 && i < size) return i;
  switch (mode) {
    case "constant":
      return -1;
    case "edge":
      return i < 0 ? 0 : size - 1;
    case "symmetric": {
      const at = modulo(i, 2 * size);
      return Math.min(at, 2 * size - 1 - at);
    }
    case "reflect": {
      const period = Math.max(1, 2 * size - 2);
      const at = modulo(i, period);
      return Math.min(at, period - at);
    }
  }
}

function modulo(i: number, n: number): number {
  return (i % n + n) % n;
}
