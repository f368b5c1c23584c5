/** Networks with weights from a seed, on the host, and what they make of real images. */

import { findAdapter } from "../../../src/device/webgpu/run/adapter.ts";
import { findOneDnn } from "../../../src/device/onednn/library/library.ts";
import { type Tensor4D, tf } from "../../../src/device/tf.ts";
import { loadFashionMnist } from "../../../src/data/fashion_mnist/fashion_mnist.ts";
import { type Checkpoint, restoreWeights } from "../../../src/io/checkpoint.ts";
import {
  type ModelConfig,
  namedNetwork,
  weightShapes,
} from "../../../src/io/network.ts";
import { alexnet } from "../../../src/models/alexnet.ts";
import { lenet } from "../../../src/models/lenet.ts";
import { read, use } from "../../device.ts";
import { numbers } from "../../numbers.ts";

/** LeNet as it is. */
export const LENET: ModelConfig = {
  model: "lenet",
  classes: 10,
  imageSize: 28,
};

/** AlexNet for the smallest images whose last map has several pixels, 2x2, so that their order matters. */
export const ALEXNET: ModelConfig = {
  model: "alexnet",
  classes: 10,
  imageSize: 99,
};

/** Numbers of images that results are compared on. */
export const NUM_IMAGES = 64;

/** Makes weights: kernels large enough that logits differ from image to image, and biases other than zero. */
export function seededCheckpoint(config: ModelConfig): Checkpoint {
  let seed = 0;
  const tensors = [...weightShapes(namedNetwork(config))].map(
    ([name, shape]) => {
      const size = shape.reduce((product, n) => product * n, 1);
      const fanIn = size / shape.at(-1)!;
      const limit = name.endsWith(".bias") ? 0.3 : Math.sqrt(6 / fanIn);
      const values = numbers(size, [-limit, limit], ++seed);
      return [name, { shape, values }] as const;
    },
  );
  return { config, path: "seeded", tensors: new Map(tensors) };
}

/** Loads test images of Fashion-MNIST: float32 `[64, imageSize, imageSize, 1]`, in [0, 1]. */
export async function testImages(
  imageSize: number,
): Promise<Float32Array<ArrayBuffer>> {
  await use("cpu");
  const { test } = await loadFashionMnist({
    source: "sample",
    batchSize: NUM_IMAGES,
    testSamples: NUM_IMAGES,
    resize: imageSize === 28 ? undefined : imageSize,
  });
  for await (const { images, labels } of test) {
    labels.dispose();
    return (await read(() => [images]))[0];
  }
  throw new Error("There are no images");
}

/** Computes our logits, `[count, classes]`, of images `[count, imageSize, imageSize, 1]`. */
export async function ourLogits(
  checkpoint: Checkpoint,
  images: Float32Array,
): Promise<Float32Array<ArrayBuffer>> {
  const { config } = checkpoint;
  const { model, imageSize } = config;
  const isSlow = model === "alexnet" && findOneDnn().library === undefined;
  await use(isSlow && await findAdapter() !== null ? "webgpu" : "cpu");
  const net = model === "alexnet" ? alexnet(config) : lenet(config);
  restoreWeights(net, checkpoint);
  const shape: [number, number, number, number] = [
    images.length / imageSize ** 2,
    imageSize,
    imageSize,
    1,
  ];
  const [logits] = await read(() => [
    net.predict(tf.tensor(images, shape) as Tensor4D),
  ]);
  net.dispose();
  return logits;
}
