/**
 * Makes a batch on the host, sample after sample. Workers do it, or the main thread where there are none.
 *
 * @module
 */

import { OptionError, SampleError, ShapeError } from "../../errors.ts";
import { STREAMS, threefry2x32 } from "../../random.ts";
import { checkLabel, type Dataset, type Sample } from "../dataset.ts";
import {
  type Random,
  requireImage,
  type Transform,
} from "../transforms/transform.ts";
import type { ArrayBatch, ImageShape } from "./batch.ts";
import type { BatchPlan } from "./epoch_plan.ts";

/**
 * Makes the source of random numbers of the sample at a place of a batch. It draws multiples of 2^-32, which depend on
 * nothing but the arguments.
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

/**
 * Makes a batch, in the given memory if it has the right size. Every image must have the given shape after the
 * transform.
 */
export function makeHostBatch(
  plan: BatchPlan,
  source: {
    get: (i: number) => Sample;
    dataset: Pick<Dataset, "classNames">;
    transform: Transform;
    shape: ImageShape;
    memory?: ArrayBuffer;
  },
): ArrayBatch {
  const { get, dataset, transform, shape, memory } = source;
  const [height, width, channels] = shape;
  const { length } = plan.indices;
  const numValues = height * width * channels;
  const isFitting = memory?.byteLength === 4 * length * numValues;
  const images = isFitting
    ? new Float32Array(memory!)
    : new Float32Array(length * numValues);
  const labels = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const place = images.subarray(i * numValues, (i + 1) * numValues);
    const { image, label } = attemptSample(plan.indices[i], () => {
      const { image, label } = get(i);
      checkLabel(label, dataset.classNames);
      const result = transform(image, randomOf(plan, i), place);
      return { image: requireImage(result), label };
    });
    if (
      image.height !== height || image.width !== width ||
      image.channels !== channels
    ) {
      throw new ShapeError(
        `Cannot batch sample ${
          plan.indices[i]
        } as its shape [${image.height},${image.width},${image.channels}] is not [${shape}], that of sample 0: let the transform resize or crop to one size`,
      );
    }
    if (image.data.length !== numValues) {
      throw new ShapeError(
        `Cannot batch sample ${
          plan.indices[i]
        } as it has ${image.data.length} values and not the ${numValues} of its shape [${shape}]`,
      );
    }
    if (image.data !== place) place.set(image.data);
    labels[i] = label;
  }
  return { images, labels, shape: [length, height, width, channels] };
}

/** Calls a function that gets or transforms a sample, and names the sample in its errors. */
export function attemptSample<T>(index: number, make: () => T): T {
  try {
    return make();
  } catch (error) {
    // Its message already says that there is no such sample.
    if (error instanceof OptionError && error.option === "index") throw error;
    throw new SampleError(index, error);
  }
}
