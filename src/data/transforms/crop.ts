/**
 * Transforms that move, cut, extend or mirror images.
 *
 * @module
 */

import { OptionError, ShapeError } from "../../errors.ts";
import type { Image } from "../dataset.ts";
import { define, type Random, type Transform } from "./transform.ts";
import {
  type Extent,
  lookThrough,
  type PaddingMode,
  type Placement,
  roundHalfEven,
  type Size,
  sizeOf,
} from "./window.ts";

/**
 * Cuts out the middle, like torchvision's `CenterCrop` (which rounds an offset of one half to the even neighbour).
 *
 * @param size Size of the output.
 * @returns Makes images of that size, with the dtype of the input; throws ShapeError if the image is smaller.
 * @throws {OptionError} If a side is not a positive integer.
 */
export function centerCrop(size: Size): Transform {
  const { height, width } = sizeOf("centerCrop", size);
  const draw = (image: Extent): Placement[] => {
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
    step: { kind: "window", draw },
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

const PADDING_MODES: readonly PaddingMode[] = [
  "constant",
  "edge",
  "reflect",
  "symmetric",
];

/**
 * Cuts out a random part, like torchvision's `RandomCrop`: each place where the part fits is as likely as any other.
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
  const extent = sizeOf("randomCrop", size);
  const { height, width } = extent;
  const { padIfNeeded = false, fill = 0, paddingMode = "constant" } = options;
  const [left, top, right, bottom] = sidesOf(options.padding ?? 0);
  if (!Number.isFinite(fill)) throw new OptionError("fill", fill, "finite");
  if (!PADDING_MODES.includes(paddingMode)) {
    throw new OptionError(
      "paddingMode",
      paddingMode,
      `one of ${PADDING_MODES.join(", ")}`,
    );
  }
  const draw = (image: Extent, random: Random): Placement[] => {
    const places: Placement[] = [];
    let current = image;
    const pad = (by: number[]) => {
      const [l, t, r, b] = by;
      if (Math.max(...by) === 0) return;
      checkMirror(current, by, paddingMode);
      current = {
        height: current.height + t + b,
        width: current.width + l + r,
      };
      places.push({ ...current, top: -t, left: -l, isFlipped: false });
    };
    pad([left, top, right, bottom]);
    if (padIfNeeded) {
      const across = Math.max(0, width - current.width);
      pad([across, 0, across, 0]);
      const down = Math.max(0, height - current.height);
      pad([0, down, 0, down]);
    }
    const rows = current.height - height;
    const columns = current.width - width;
    if (rows < 0 || columns < 0) {
      throw new ShapeError(
        `Cannot crop ${height}x${width} out of ${current.height}x${current.width}: resize to at least that size before randomCrop, or give padding or padIfNeeded`,
      );
    }
    places.push({
      ...extent,
      top: Math.floor(random() * (rows + 1)),
      left: Math.floor(random() * (columns + 1)),
      isFlipped: false,
    });
    return places;
  };
  const isConstant = paddingMode === "constant";
  const padded = [left, top, right, bottom].some((side) => side > 0);
  const isByte = Number.isInteger(fill) && fill >= 0 && fill <= 255;
  return define(
    (image, random = Math.random) => {
      if (image.data instanceof Uint8Array && !isByte) {
        throw new ShapeError(
          `Cannot crop a uint8 image as fill must be an integer from 0 to 255: current value is ${fill}; put toTensor() before randomCrop()`,
        );
      }
      return draw(image, random).reduce<Image>(
        (view, place) => lookThrough(view, place, { mode: paddingMode, fill }),
        image,
      );
    },
    {
      name: "randomCrop",
      args: [size, options],
      description: `crop a random ${height}x${width}${
        padded ? ` of the image with padding ${[options.padding].flat()}` : ""
      }${isConstant ? "" : ` (${paddingMode})`}`,
      step: isConstant
        ? {
          kind: "window",
          draw,
          fill: padded || padIfNeeded ? fill : undefined,
        }
        : undefined,
    },
  );
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
  const p = requireProbability(options.p ?? 0.5);
  const draw = ({ height, width }: Extent, random: Random): Placement[] => {
    const isFlipped = random() < p;
    return [{ height, width, top: 0, left: 0, isFlipped }];
  };
  return define(
    (image, random = Math.random) => {
      const [place] = draw(image, random);
      return place.isFlipped ? lookThrough(image, place) : image;
    },
    {
      name: "randomHorizontalFlip",
      args: [options],
      description: `flip left and right with probability ${p}`,
      step: { kind: "window", draw },
    },
  );
}

/** Gluon's name of {@linkcode randomHorizontalFlip}. */
export const randomFlipLeftRight: (options?: ProbabilityOptions) => Transform =
  randomHorizontalFlip;

/**
 * Checks a probability.
 *
 * @param p Its value.
 * @returns The value.
 * @throws {OptionError} If it is not in [0, 1].
 */
export function requireProbability(p: number): number {
  if (!(p >= 0 && p <= 1)) throw new OptionError("p", p, "from 0 to 1");
  return p;
}

/** Left, top, right and bottom. */
function sidesOf(padding: number | readonly number[]): number[] {
  const given = [padding].flat();
  const sides = [0, 1, 2, 3].map((side) => given[side % given.length]);
  const isPossible = [1, 2, 4].includes(given.length) &&
    given.every((side) => Number.isInteger(side) && side >= 0);
  if (!isPossible) {
    throw new OptionError(
      "padding",
      String(padding),
      "one, two or four integers of at least 0",
    );
  }
  return sides;
}

function checkMirror(image: Extent, by: number[], mode: PaddingMode): void {
  if (mode !== "reflect" && mode !== "symmetric") return;
  const [left, top, right, bottom] = by;
  const spare = mode === "reflect" ? 1 : 0;
  if (
    Math.max(left, right) > image.width - spare ||
    Math.max(top, bottom) > image.height - spare
  ) {
    throw new ShapeError(
      `Cannot add padding ${by} to an image of ${image.height}x${image.width} in the mode "${mode}", which mirrors the image once: use less padding, or the mode "edge"`,
    );
  }
}
