/** A network that is a list of layers, with its weights and its table of layers. */

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
import { maxBatch, sliceBatch } from "./batch.ts";
import {
  type CallContext,
  type ForwardOptions,
  type Layer,
  type LayerConfig,
  requirePrecision,
  type WeightSpec,
} from "./layer.ts";
import { type Shape, sizeOf } from "./shape.ts";

/** Options of {@linkcode Sequential}. */
export interface SequentialOptions {
  /** The layers, first to last. */
  layers: readonly Layer[];
  /** Shape of one image, `[height, width, channels]`. */
  inputShape: Shape;
  /** Seed of the first weights and of dropout, an integer in [0, 2^32). Default 0. */
  seed?: number;
}

/** A row of the layer table. */
export interface LayerSummary {
  /** Kind and number among its kind, for example "conv2d_1". */
  readonly name: string;
  /** Kind of layer. */
  readonly kind: string;
  /** Shape of the output with the batch dimension first. */
  readonly outputShape: Shape;
  /** Number of weights and biases. */
  readonly params: number;
  /** Multiply-adds of the forward pass for one image. */
  readonly macs: number;
}

/** A layer in its network; its shapes are without the batch dimension. */
export interface PlacedLayer extends LayerSummary {
  readonly config?: LayerConfig;
  readonly inputShape: Shape;
  /** Kernel, then bias; names are like "conv2d_1.kernel". */
  readonly weights: readonly (Omit<WeightSpec, "name"> & { name: string })[];
}

/** Names layers, and follows the shape of an image through them. */
export function summarize(
  layers: readonly Layer[],
  inputShape: Shape,
): PlacedLayer[] {
  const counts = new Map<string, number>();
  let shape = inputShape;
  return layers.map((layer) => {
    const { kind, config } = layer;
    const number = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, number);
    const name = `${kind}_${number}`;
    const inputShape = shape;
    const outputShape = shape = layer.outputShape(inputShape);
    const weights = layer.weights(inputShape)
      .map((weight) => ({ ...weight, name: `${name}.${weight.name}` }));
    const params = weights.reduce((sum, w) => sum + sizeOf(w.shape), 0);
    const macs = layer.macs(inputShape);
    return {
      name,
      kind,
      config,
      inputShape,
      outputShape,
      params,
      macs,
      weights,
    };
  });
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
    let numWeights = 0;
    const stages = summarize(layers, inputShape).map(({ weights }, index) => ({
      layer: layers[index],
      index,
      weights: weights.map(({ shape, initializer }) => {
        // Each weight has random numbers of its own.
        const stream = STREAMS.weights + numWeights++;
        const values = initializer(shape, { seed, stream });
        return tf.tidy(() => tf.variable(tf.tensor(values, [...shape])));
      }),
    }));
    this.#variables = stages.flatMap(({ weights }) => weights);
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
    return summarize(this.layers, image).map(
      ({ name, kind, outputShape: output, params, macs }) => (
        { name, kind, outputShape: [batch, ...output], params, macs }
      ),
    );
  }

  /**
   * How many images `forward` takes at once on the device in use, where no tensor may be larger than the adapter can bind.
   *
   * @returns Number of images, at least 1; `Infinity` where the device sets no limit.
   * @throws {ShapeError} If the network does not fit with even one image.
   */
  maxBatch(): number {
    const layers = this.#stages.map(({ layer }) => layer);
    return maxBatch({ layers, inputShape: this.inputShape });
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
    return tf.tidy(() => {
      const parts = sliceBatch(images, size).map(({ part }) =>
        this.#compute(part, {
          training: false,
          step: 0,
          firstImage: 0,
          needsInputGradient: true,
          precision: "float32",
        })
      );
      return parts.length === 1 ? parts[0] : tf.concat(parts);
    });
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
    return this.#compute(images, {
      training: true,
      needsInputGradient: false,
      precision: "float32",
      ...options,
    });
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
    return summarize(this.layers, this.inputShape)
      .flatMap(({ weights }) => weights.map(({ name }) => name));
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
    if (images.dtype !== "float32") {
      throw new ShapeError(
        `Cannot use images of type ${images.dtype}: expected float32; cast them, and scale them to [0, 1]`,
      );
    }
    if (
      images.rank !== 4 || images.shape[0] < 1 ||
      `${images.shape.slice(1)}` !== `${this.inputShape}`
    ) {
      throw new ShapeError(
        `Cannot use images of shape [${images.shape}]: the network takes [batch, ${
          this.inputShape.join(", ")
        }]`,
      );
    }
  }

  /** Frees the weights; the network cannot be used afterwards. */
  dispose(): void {
    this.#variables.forEach((variable) => variable.dispose());
  }

  /** Computes one stage after the other. */
  #compute(
    images: Tensor4D,
    call: Omit<CallContext, "seed" | "layerIndex">,
  ): Tensor2D {
    const { seed } = this;
    const compute = (x: Tensor, { layer, index, weights }: Stage) => {
      const needsInputGradient = call.needsInputGradient || index > 0;
      const context = { ...call, seed, layerIndex: index, needsInputGradient };
      if (layer.usesDevice) return layer.apply(x, weights, context);
      // Operations of the device in it must give float32 as well.
      const floats = { ...context, precision: "float32" } as const;
      return opaque(
        [asFloats(x), ...weights],
        (x, ...weights) => layer.apply(x, weights, floats),
      );
    };
    const output = this.#stages.reduce((x: Tensor, stage) => {
      if (call.training) return compute(x, stage);
      const y = tf.tidy(() => compute(x, stage));
      if (x !== images && x !== y) x.dispose();
      return y;
    }, images);
    return asFloats(output) as Tensor2D;
  }
}

/** A layer in its network, or some that are computed as one. */
interface Stage {
  readonly layer: Layer;
  /** Its index among the layers; of joined layers, that of the first. */
  readonly index: number;
  readonly weights: readonly Variable[];
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
