/** Makes a batch on the host, sample after sample. Workers do it, or the main thread where there are none. */

import { OptionError, SampleError, ShapeError } from "../../errors.ts";
import { STREAMS, threefry2x32 } from "../../random.ts";
import { checkLabel, type Dataset, type Sample } from "../dataset.ts";
import {
  type Random,
  requireImage,
  type Transform,
} from "../transforms/transform.ts";
import type { ArrayBatch, BatchPlan, ImageShape } from "./batch.ts";

/**
 * Makes the source of random numbers of sample `i` of a batch. The numbers are multiples of 2^-32 and depend on nothing but the
 * arguments.
 */
export function randomOf(plan: BatchPlan, i: number): Random {
  const { seed, epoch, indices, repeats } = plan;
  const key = new Uint32Array(2);
  const block = new Uint32Array(2);
  let drawn = 0;
  return () => {
    if (drawn === 0) {
      threefry2x32([seed, STREAMS.augment], [indices[i], epoch], key);
    }
    if (drawn % 2 === 0) {
      const counter = [drawn / 2, repeats?.[i] ?? 0] as const;
      threefry2x32([key[0], key[1]], counter, block);
    }
    return block[drawn++ % 2] * 2 ** -32;
  };
}

/** Finds the shape of images after a transform, on sample 0. */
export function shapeAfter(dataset: Dataset, transform: Transform): ImageShape {
  return attemptSample(0, () => {
    const plan = { seed: 0, epoch: 0, indices: Uint32Array.of(0) };
    const { image } = dataset.get(0);
    const result = requireImage(transform(image, randomOf(plan, 0)));
    return [result.height, result.width, result.channels];
  });
}

/** Makes a batch, in the given memory if that has the right size. `get` returns a sample by its index in the batch. */
export function makeHostBatch(
  plan: BatchPlan,
  source: {
    get: (i: number) => Sample;
    dataset: Pick<Dataset, "classNames">;
    transform: Transform;
    /** What every image must be after the transform. */
    shape: ImageShape;
    memory?: ArrayBuffer;
  },
): ArrayBatch {
  const { get, dataset, transform, shape, memory } = source;
  const [height, width, channels] = shape;
  const { length } = plan.indices;
  const size = height * width * channels;
  const images = memory?.byteLength === 4 * length * size
    ? new Float32Array(memory)
    : new Float32Array(length * size);
  const labels = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const index = plan.indices[i];
    const own = images.subarray(i * size, (i + 1) * size);
    const image = attemptSample(index, () => {
      const { image, label } = get(i);
      checkLabel(label, dataset.classNames);
      labels[i] = label;
      return requireImage(transform(image, randomOf(plan, i), own));
    });
    const found = [image.height, image.width, image.channels];
    if (found.some((side, axis) => side !== shape[axis])) {
      throw new ShapeError(
        `Cannot batch sample ${index} as its shape [${found}] is not [${shape}], that of sample 0: let the transform resize or crop to one size`,
      );
    }
    if (image.data.length !== size) {
      throw new ShapeError(
        `Cannot batch sample ${index} as it has ${image.data.length} values and not the ${size} of its shape [${shape}]`,
      );
    }
    if (image.data !== own) own.set(image.data);
  }
  return { images, labels, shape: [length, height, width, channels] };
}

/** Calls a function that gets or transforms a sample, and names the sample in its errors. */
export function attemptSample<T>(index: number, make: () => T): T {
  try {
    return make();
  } catch (error) {
    // Its message already names the sample: there is no such one.
    if (error instanceof OptionError && error.option === "index") throw error;
    throw new SampleError(index, error);
  }
}
