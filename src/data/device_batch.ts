/**
 * Batches whose images go to the device as bytes and are resized and scaled there.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { backendInfo } from "../backend/backend.ts";
import { type Tensor4D, tf } from "../backend/tf.ts";
import { asTensor } from "../kernels/differentiable.ts";
import { resizeBytes } from "../kernels/resize.ts";
import type { Image } from "./dataset.ts";
import type { DevicePlan } from "./transforms.ts";

/**
 * Makes the images of a batch on the WebGPU device.
 *
 * @param images The images, in order; not modified.
 * @param options What their transform amounts to, and the shape that it gives every image.
 * @returns float32 `[batch, height, width, channels]`, or `undefined` where it has to be done on the host: on another
 * device, for images that are not bytes of one fitting size, or for a batch that the device cannot bind as one tensor.
 */
export function makeOnDevice(
  images: readonly Image[],
  options: {
    plan: DevicePlan;
    shape: readonly [height: number, width: number, channels: number];
  },
): Tensor4D | undefined {
  if (tf.getBackend() !== "webgpu") return undefined;
  const { plan, shape: [outHeight, outWidth, channels] } = options;
  const [{ height, width }] = images;
  const isUniform = images.every((image) =>
    image.data instanceof Uint8Array && image.maxValue === 255 &&
    image.height === height && image.width === width &&
    image.channels === channels
  );
  const isSameSize = height === outHeight && width === outWidth;
  const batch = images.length;
  const numBytes = Math.max(
    4 * batch * outHeight * outWidth * channels,
    batch * height * width * channels,
  );
  if (
    !isUniform || !(isSameSize || plan === "resize and scale") ||
    numBytes > backendInfo().maxBindingBytes
  ) return undefined;
  const stride = height * width * channels;
  const bytes = new Uint8Array(Math.ceil(batch * stride / 4) * 4);
  images.forEach(({ data }, i) => bytes.set(data, i * stride));
  return asTensor(resizeBytes(tf.backend() as WebGPUBackend, bytes, {
    batch,
    inHeight: height,
    inWidth: width,
    channels,
    outHeight,
    outWidth,
  })) as Tensor4D;
}
