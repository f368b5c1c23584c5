/** A small network and small data for tests of training. */

import { arrayDataset } from "../../src/data/array_dataset.ts";
import { DataLoader } from "../../src/data/loader/data_loader.ts";
import { conv2d } from "../../src/nn/conv2d.ts";
import { dense, dropout, flatten } from "../../src/nn/dense.ts";
import { averagePool2d } from "../../src/nn/pooling.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { numbers } from "../numbers.ts";

/** Height and width of the images. */
export const SIZE = 6;

/** Number of classes. */
export const CLASSES = 3;

/** A network of 3 classes without kinks, so that its gradient is smooth. */
export function tinyNet(
  options: { rate?: number; seed?: number } = {},
): Sequential {
  const { rate = 0, seed = 0 } = options;
  return new Sequential({
    inputShape: [SIZE, SIZE, 1],
    seed,
    layers: [
      conv2d({ filters: 2, kernelSize: 3, activation: "sigmoid" }),
      averagePool2d({ poolSize: 2 }),
      flatten(),
      dropout({ rate }),
      dense({ units: 5, activation: "sigmoid" }),
      dense({ units: CLASSES }),
    ],
  });
}

/** Images of which two rows are bright, 0 and 1, 2 and 3, or 4 and 5: that is their class. */
export function tinyData(
  options: {
    count?: number;
    batchSize?: number;
    shuffle?: boolean;
    seed?: number;
  } = {},
): DataLoader {
  const { count = 20, ...rest } = options;
  const noise = numbers(count * SIZE * SIZE, [0, 100], 5);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % CLASSES);
  const data = Uint8Array.from(noise, (value, k) => {
    const row = Math.floor(k / SIZE) % SIZE;
    const image = Math.floor(k / (SIZE * SIZE));
    return value + (Math.floor(row / 2) === labels[image] ? 150 : 0);
  });
  const dataset = arrayDataset({
    images: { shape: [count, SIZE, SIZE], data },
    labels: { shape: [count], data: labels },
    classNames: ["top", "middle", "bottom"],
  });
  return new DataLoader(dataset, { batchSize: 4, ...rest });
}
