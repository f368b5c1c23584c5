/** LeNet of stock TensorFlow.js, its weights read from a safetensors file by Hugging Face's package. */

import * as tfl from "@tensorflow/tfjs-layers";
import { type Tensor, tf } from "../../../src/device/tf.ts";
import { read, use } from "../../device.ts";
import { runPeer } from "../../peers.ts";

/** The entry of a tensor in the header of a safetensors file. */
interface TensorEntry {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: readonly [begin: number, end: number];
}

/** Computes logits. Of this package, only the bytes of the file are used. */
export async function stockLogits(
  path: string,
  images: Float32Array,
): Promise<Float32Array> {
  await use("cpu");
  const { conv2d, averagePooling2d, flatten, dense } = tfl.layers;
  const activation = "sigmoid";
  const model = tfl.sequential({
    layers: [
      conv2d({
        inputShape: [28, 28, 1],
        filters: 6,
        kernelSize: 5,
        padding: "same",
        activation,
      }),
      averagePooling2d({ poolSize: 2 }),
      conv2d({ filters: 16, kernelSize: 5, activation }),
      averagePooling2d({ poolSize: 2 }),
      flatten(),
      dense({ units: 120, activation }),
      dense({ units: 84, activation }),
      dense({ units: 10 }),
    ],
  });
  const tensors = await readByHub(path);
  const names = ["conv2d_1", "conv2d_2", "dense_1", "dense_2", "dense_3"];
  model.setWeights(
    names.flatMap((name) => [
      tensors.get(`${name}.kernel`)!,
      tensors.get(`${name}.bias`)!,
    ]),
  );
  const [logits] = await read(() => [
    model.predict(
      tf.tensor(images, [images.length / 784, 28, 28, 1]),
    ) as Tensor,
  ]);
  model.dispose();
  tensors.forEach((tensor) => tensor.dispose());
  return logits;
}

/** Reads a file whose header Hugging Face's package reads. */
export async function readByHub(
  path: string,
): Promise<Map<string, Tensor>> {
  const header = await runPeer(["hub.ts", path]);
  const { __metadata__: _, ...entries } = header as Record<string, TensorEntry>;
  const bytes = await Deno.readFile(path);
  const [length] = new BigUint64Array(bytes.buffer, 0, 1);
  const data = 8 + Number(length);
  return new Map(
    Object.entries(entries).map(([name, { dtype, shape, data_offsets }]) => {
      if (dtype !== "F32") throw new Error(`${name} has type ${dtype}`);
      const [begin, end] = data_offsets;
      const part = bytes.slice(data + begin, data + end);
      return [name, tf.tensor(new Float32Array(part.buffer), shape)];
    }),
  );
}
