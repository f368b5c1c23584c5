/** AlexNet's first layers at their own sizes: what is special to them shows here in a part of the time. */

import { alexnetLayers } from "../../src/models/alexnet.ts";
import { dense, dropout } from "../../src/nn/dense.ts";
import { Sequential } from "../../src/nn/sequential.ts";

/** Makes a network of AlexNet's first three convolutions and poolings, for images of 224x224. */
export function firstLayers(
  options: { seed: number; dropout?: number },
): Sequential {
  const { inputShape, layers } = alexnetLayers();
  const [pool, flatten] = layers.slice(7, 9);
  return new Sequential({
    inputShape,
    seed: options.seed,
    layers: [
      ...layers.slice(0, 5),
      pool,
      flatten,
      dense({ units: 64, activation: "relu" }),
      dropout({ rate: options.dropout ?? 0 }),
      dense({ units: 10 }),
    ],
  });
}
