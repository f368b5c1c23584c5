/**
 * Resizing by bilinear interpolation.
 *
 * @module
 */

import { bilinear } from "./bilinear.ts";
import { define, type Transform } from "./transform.ts";
import { type Size, sizeOf } from "./window.ts";

/**
 * Resizes by bilinear interpolation between pixel centres, without antialiasing.
 *
 * Equal to PyTorch's `interpolate(mode="bilinear", align_corners=False)`: output place i reads at
 * max(0, (i + 0.5) * in / out - 0.5). Nothing is rounded.
 *
 * @param size Size of the output.
 * @returns Makes float32 images with the value range of the input; returns an image of that size as it is.
 * @throws {OptionError} If a side is not a positive integer.
 */
export function resize(size: Size): Transform {
  const extent = sizeOf("resize", size);
  const { height, width } = extent;
  const interpolate = bilinear(height, width);
  return define(
    (image, _, memory) => {
      if (image.height === height && image.width === width) return image;
      const data = interpolate(image, { divisor: 1, memory });
      return { ...image, data, height, width };
    },
    {
      name: "resize",
      args: [size],
      description: `resize to ${height}x${width}`,
      step: { kind: "resize", size: extent },
      scaled(image, _, memory) {
        const data = interpolate(image, { divisor: image.maxValue, memory });
        return { ...image, data, height, width, maxValue: 1 };
      },
    },
  );
}
