/**
 * Tests of resizing on the device against the transforms of the host.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { resizeBytes, type ResizeSizes } from "../../src/kernels/resize.ts";
import { compose, resize, toTensor } from "../../src/data/transforms.ts";
import { assertClose } from "../compare.ts";
import { webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";
import { runKernel } from "./run.ts";

type Case = [
  batch: number,
  input: [height: number, width: number],
  channels: number,
  output: [height: number, width: number],
];

const CASES: readonly Case[] = [
  // Only scaled, of a size that is a multiple of 4 or not.
  [1, [1, 1], 1, [1, 1]],
  [3, [28, 28], 1, [28, 28]],
  [3, [5, 7], 1, [5, 7]],
  [2, [3, 5], 3, [3, 5]],
  [3, [28, 28], 1, [224, 224]],
  [2, [28, 28], 1, [67, 100]],
  // Smaller, one side only, several channels, odd sizes.
  [3, [9, 7], 3, [5, 4]],
  [1, [5, 13], 2, [5, 31]],
  [2, [3, 5], 4, [7, 2]],
  [5, [1, 6], 1, [3, 1]],
];

for (const [batch, input, channels, output] of CASES) {
  webgpuTest(
    `resizeBytes() ${batch}x${input}x${channels} to ${output} is the host's`,
    async () => {
      const [inHeight, inWidth] = input;
      const [outHeight, outWidth] = output;
      const sizes: ResizeSizes = {
        batch,
        inHeight,
        inWidth,
        channels,
        outHeight,
        outWidth,
      };
      const stride = inHeight * inWidth * channels;
      const bytes = new Uint8Array(Math.ceil(batch * stride / 4) * 4);
      bytes.set(numbers(batch * stride, [0, 256]));
      const values = await runKernel({
        inputs: [],
        makes: [batch * outHeight * outWidth * channels],
        kernel: (backend) => resizeBytes(backend, bytes, sizes),
      });
      const transform = compose([resize(output), toTensor()]);
      const expected = Array.from({ length: batch }, (_, i) =>
        transform({
          data: bytes.subarray(i * stride, (i + 1) * stride),
          height: inHeight,
          width: inWidth,
          channels,
          maxValue: 255,
        }).data).flatMap((data) => [...data]);
      assertEquals(values.length, expected.length);
      // Two float32 interpolations and a division of values up to 1: each is off by half of 2^-23 or less, a division
      // on the device by 2.5 times as much.
      assertClose(values, expected, { absolute: 5e-7 });
    },
  );
}
