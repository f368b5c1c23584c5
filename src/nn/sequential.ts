/**
 * A network that is a list of layers, with its weights.
 *
 * @module
 */

import { type Device, device } from "../device/device.ts";
import { asFloats, opaque } from "../device/tape.ts";
import {
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  tf,
  type Variable,
} from "../device/tf.ts";
import { ShapeError } from "../errors.ts";
import { requireSeed } from "../options.ts";
import { STREAMS } from "../random.ts";
import { concatenate, maxBatch, requireImages, sliceBatch } from "./batch.ts";
import {
  type CallContext,
  type ForwardOptions,
  type Layer,
  requirePrecision,
} from "./layer.ts";
import type { Shape } from "./shape.ts";
import { type LayerSummary, summarize } from "./summary.ts";

/** Options of {@linkcode Sequential}. */
export interface SequentialOptions {
  /** The layers, first to last. */
  layers: readonly Layer[];
  /** Shape of one image, `[height, width, channels]`. */
  inputShape: Shape;
  /** Seed of the first weights and of dropout, an integer in [0, 2^32). Default 0. */
  seed?: number;
}

/**
 * A network that applies its layers one after the other and owns their weights.
 *
 * @example
 * ```ts
 * import { initBackend } from "@x/alexnet";
 * import { conv2d, dense, flatten, maxPool2d, Sequential } from "@x/alexnet/nn";
 *
 * await initBackend();
 * const net = new Sequential({
 *   inputShape: [28, 28, 1],
 *   layers: [
 *     conv2d({ filters: 16, kernelSize: 3, activation: "relu" }),
 *     maxPool2d({ poolSize: 2 }),
 *     flatten(),
 *     dense({ units: 10 }),
 *   ],
 * });
 * ```
 */
export class Sequential {
  /** The layers, first to last. */
  readonly layers: readonly Layer[];
  /** Shape of one image, `[height, width, channels]`. */
  readonly inputShape: Shape;
  /** Seed of the first weights and of dropout. */
  readonly seed: number;
  readonly #variables: readonly Variable[];
  /** The layers; those that the device computes as one operation are joined. */
  readonly #stages: readonly Stage[];
  /** What {@linkcode Sequential.maxBatch} found. */
  #maxBatch?: { device: Device; max: number };

  /**
   * Makes the weights on the device in use.
   *
   * @param options Layers, input shape and seed.
   * @throws {ShapeError} If a layer cannot take what the one before it gives.
   * @throws {OptionError} If the seed is not an integer in [0, 2^32).
   * @throws {BackendError} If no device is ready.
   */
  constructor(options: SequentialOptions) {
    const { layers, inputShape, seed = 0 } = options;
    this.layers = layers;
    this.inputShape = inputShape;
    this.seed = requireSeed(seed);
    const { variables, stages } = createWeights(layers, inputShape, { seed });
    this.#variables = variables;
    this.#stages = joinStages(stages);
  }

  /**
   * Shapes, parameters and multiply-adds, layer by layer.
   *
   * @param inputShape Shape of a batch, `[batch, height, width, channels]`. Default: one image of the network's shape.
   * @returns A row per layer.
   * @throws {ShapeError} If the layers cannot take such images.
   */
  summary(inputShape: Shape = [1, ...this.inputShape]): LayerSummary[] {
    const [batch, ...image] = inputShape;
    return summarize(this.layers, image).map((
      { weights: _, outputShape, ...row },
    ) => ({ ...row, outputShape: [batch, ...outputShape] }));
  }

  /**
   * How many images `forward` takes at once on the device in use, where no tensor may be larger than the adapter can bind.
   *
   * @returns Number of images, at least 1; `Infinity` where the device sets no limit.
   * @throws {ShapeError} If the network does not fit with even one image.
   */
  maxBatch(): number {
    const inUse = device();
    if (this.#maxBatch?.device !== inUse) {
      const layers = this.#stages.map(({ layer }) => layer);
      const max = maxBatch({ layers, inputShape: this.inputShape });
      this.#maxBatch = { device: inUse, max };
    }
    return this.#maxBatch.max;
  }

  /**
   * Computes logits with dropout off. Batches larger than the adapter can bind are split.
   *
   * @param images float32 `[batch, height, width, channels]`, values in [0, 1]; not disposed.
   * @returns float32 `[batch, classes]`; the caller disposes it.
   * @throws {ShapeError} If the images do not have the network's shape, or do not fit the adapter.
   */
  predict(images: Tensor4D): Tensor2D {
    this.checkImages(images);
    const size = this.maxBatch();
    return tf.tidy(() =>
      concatenate(
        sliceBatch(images, size).map(({ part }) => this.#infer(part)),
      )
    ) as Tensor2D;
  }

  /**
   * Computes logits with dropout on, for a batch that fits the adapter, differentiable by the weights (not by the images:
   * differentiate `predict` for that). Call it inside a `tidy`.
   *
   * @param images float32 `[batch, height, width, channels]`; not disposed.
   * @param options Step and index of the first image, for dropout, and the precision.
   * @returns float32 `[batch, classes]`, whatever the precision.
   */
  forward(images: Tensor4D, options: ForwardOptions): Tensor2D {
    requirePrecision(options.precision ?? "float32");
    return this.#layers(images, (compute) => compute(), {
      training: true,
      needsInputGradient: false,
      precision: "float32",
      ...options,
    }) as Tensor2D;
  }

  /**
   * The weights, in layer order, kernel then bias; kernels HWIO or `[in, out]`.
   *
   * @returns The network's own variables, float32: they change as it trains, and are not the caller's to dispose.
   */
  getWeights(): Variable[] {
    return [...this.#variables];
  }

  /**
   * Names of the weights.
   *
   * @returns A name per weight in the order of `getWeights`, for example "conv2d_1.kernel".
   */
  weightNames(): string[] {
    return summarize(this.layers, this.inputShape).flatMap((layer) =>
      layer.weights.map((weight) => `${layer.name}.${weight.name}`)
    );
  }

  /**
   * Copies values into the weights.
   *
   * @param values A tensor or `Float32Array` per weight, in the order of `getWeights`; not disposed.
   * @throws {ShapeError} If their number or a size does not fit; then no weight has changed.
   */
  setWeights(values: readonly (Tensor | Float32Array)[]): void {
    checkWeights(this.#variables, values);
    tf.tidy(() =>
      this.#variables.forEach((variable, i) => {
        const value = values[i];
        variable.assign(
          value instanceof Float32Array
            ? tf.tensor(value.slice(), variable.shape)
            : tf.clone(value),
        );
      })
    );
  }

  /**
   * Checks that images fit the network.
   *
   * @param images float32 `[batch, height, width, channels]`.
   * @throws {ShapeError} If they do not.
   */
  checkImages(images: Tensor): void {
    requireImages(images, this.inputShape);
  }

  /** Frees the weights; the network cannot be used afterwards. */
  dispose(): void {
    this.#variables.forEach((variable) => variable.dispose());
  }

  #infer(images: Tensor4D): Tensor {
    return this.#layers(images, (compute, x) => {
      const y = tf.tidy(compute);
      if (x !== images && x !== y) x.dispose();
      return y;
    }, {
      training: false,
      step: 0,
      firstImage: 0,
      needsInputGradient: true,
      precision: "float32",
    });
  }

  /** Computes one stage after the other; `each` is called to compute one. */
  #layers(
    images: Tensor,
    each: (compute: () => Tensor, x: Tensor) => Tensor,
    call: Omit<CallContext, "seed" | "layerIndex">,
  ): Tensor {
    const output = this.#stages.reduce((x, { layer, index, range }) => {
      const weights = this.#variables.slice(...range);
      const context = {
        ...call,
        seed: this.seed,
        layerIndex: index,
        needsInputGradient: call.needsInputGradient || index > 0,
      };
      return each(() => {
        if (layer.usesDevice) return layer.apply(x, weights, context);
        return opaque(
          [asFloats(x), ...weights],
          // Operations of the device in it must give float32 as well.
          (x, ...weights) =>
            layer.apply(x, weights, { ...context, precision: "float32" }),
        );
      }, x);
    }, images);
    return asFloats(output);
  }
}

/** A layer in its network, or some that are computed as one. */
export interface Stage {
  readonly layer: Layer;
  /** Its index among the layers; of joined layers, that of the first. */
  readonly index: number;
  /** Which of the network's weights are its own. */
  readonly range: readonly [begin: number, end: number];
}

/** Makes the weights of layers on the device in use; each weight has random numbers of its own. */
function createWeights(
  layers: readonly Layer[],
  inputShape: Shape,
  { seed }: { seed: number },
): { variables: Variable[]; stages: Stage[] } {
  const variables: Variable[] = [];
  const stages = summarize(layers, inputShape).map(({ weights }, index) => {
    const begin = variables.length;
    for (const { shape, initializer } of weights) {
      const stream = STREAMS.weights + variables.length;
      const values = initializer(shape, { seed, stream });
      variables.push(
        tf.tidy(() => tf.variable(tf.tensor(values, [...shape]))),
      );
    }
    const range = [begin, variables.length] as const;
    return { layer: layers[index], index, range };
  });
  return { variables, stages };
}

/** Joins each stage with the next, where the device can compute both as one operation. */
export function joinStages(stages: readonly Stage[]): Stage[] {
  const joined: Stage[] = [];
  for (const stage of stages) {
    const last = joined.at(-1);
    const layer = last?.layer.fuseWith?.(stage.layer);
    if (last === undefined || layer === undefined) joined.push(stage);
    else joined[joined.length - 1] = { ...last, layer };
  }
  return joined;
}

/** Checks that there is a value for each weight, of its size. */
function checkWeights(
  variables: readonly Variable[],
  values: readonly (Tensor | Float32Array)[],
): void {
  if (values.length !== variables.length) {
    throw new ShapeError(
      `Cannot set weights: expected ${variables.length} values, got ${values.length}`,
    );
  }
  variables.forEach(({ shape, size }, i) => {
    const value = values[i];
    const isArray = value instanceof Float32Array;
    const fits = isArray
      ? value.length === size
      : `${value.shape}` === `${shape}` && value.dtype === "float32";
    if (fits) return;
    const got = isArray
      ? `${value.length} values`
      : `${value.dtype} of shape [${value.shape}]`;
    throw new ShapeError(
      `Cannot set weight ${i}: expected float32 of shape [${shape}], got ${got}`,
    );
  });
}
