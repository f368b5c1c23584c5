/** Finds the fastest kernels for a training step on the device in use, and remembers them. */

import {
  type AdapterDescription,
  device,
  type DeviceTuner,
  readScalars,
  type TunedOperation,
} from "../device/device.ts";
import { type Tensor, type Tensor1D, type Tensor4D, tf } from "../device/tf.ts";
import { readTuning, writeTuning } from "../io/tuning_cache.ts";
import { ensureBackend } from "../device/open.ts";
import { type Precision, requirePrecision } from "../nn/layer.ts";
import type { Sequential } from "../nn/sequential.ts";
import { sgd } from "../optim/sgd.ts";
import { requireInteger } from "../options.ts";
import { recordStep } from "./step.ts";

/** Where results of tuning are kept. */
export interface TuningOptions {
  /** The folder. Default: `alexnet/tuning` in the user's cache folder. */
  dir?: string;
  /** Receives what the user should know, in one line each. Default `console.warn`. */
  onWarning?: (message: string) => void;
}

/** Options of {@linkcode tune}. */
export interface TuneOptions extends TuningOptions {
  /** Images of a training step: kernels are tuned for it. */
  batchSize: number;
  /** Precision of the step. Default "float32". */
  precision?: Precision;
  /** Told of each operation once it is measured. */
  onTuned?: (tuned: TunedOperation) => void;
}

/**
 * Uses the ways to compute that `tune` found fastest before on this adapter, with this version of the package and of Deno.
 * Results differ by rounding alone. Without a WebGPU adapter it does nothing.
 *
 * @param options Where results of tuning are kept, and how to warn of a file that cannot be used.
 * @returns What was tuned, by the names of the operations.
 */
export async function useTuned(
  options: TuningOptions = {},
): Promise<ReadonlyMap<string, TunedOperation>> {
  await ensureBackend();
  const { tuner } = device();
  if (tuner === undefined) return new Map();
  const tuned = await readTuning(adapterInUse(), options);
  tuner.use(new Map([...tuned].map(([key, { way }]) => [key, way])));
  return tuned;
}

/**
 * Measures the ways to compute each operation of a training step, uses the fastest and remembers it for
 * {@linkcode useTuned}. What was measured before is not measured again. Takes minutes on a software adapter. Without a WebGPU
 * adapter it does nothing.
 *
 * @example
 * ```ts
 * import { alexnet, tune } from "@x/alexnet";
 *
 * const net = alexnet();
 * for (const { key, way, ms, usualMs } of await tune(net, { batchSize: 128 })) {
 *   console.log(`${key}: ${way}, ${ms} ms instead of ${usualMs}`);
 * }
 * ```
 *
 * @param net The network; its weights do not change.
 * @param options Images of a step, where to keep what is found, and who is told.
 * @returns What this call measured.
 * @throws {OptionError} If `batchSize` is not an integer of at least 1, or the device does not have the precision.
 * @throws {ShapeError} If the network does not fit the device.
 * @throws {DataError} If the results cannot be kept.
 */
export async function tune(
  net: Sequential,
  options: TuneOptions,
): Promise<TunedOperation[]> {
  const { precision = "float32" } = options;
  const batchSize = requireInteger("batchSize", options.batchSize);
  await ensureBackend();
  requirePrecision(precision);
  const known = await useTuned(options);
  const { tuner } = device();
  if (tuner === undefined) return [];
  const adapter = adapterInUse();
  // Writes no result, but finds out whether results can be kept, before anything takes time.
  const { dir } = options;
  await writeTuning(adapter, [], { dir, onWarning: () => {} });
  using step = stepOf(net, { batchSize, precision }, tf.dispose);
  const all: TunedOperation[] = [];
  const found = tuner.tune(
    step.run,
    ({ key, ways }) => ways.includes(known.get(key)?.way ?? ""),
  );
  for await (const tuned of found) {
    all.push(tuned);
    // At once: it is then not lost if the process ends.
    await writeTuning(adapter, [tuned], options);
    options.onTuned?.(tuned);
  }
  return all;
}

/** Runs a training step with SGD on WebGPU, the device in use, and says how it was computed. The weights change. */
export async function traceStep(
  net: Sequential,
  sizes: { batchSize: number; precision: Precision },
): Promise<ReturnType<DeviceTuner["trace"]>> {
  requirePrecision(sizes.precision);
  using step = stepOf(net, sizes, (gradients) => {
    sgd().apply(net.getWeights(), gradients);
    tf.dispose(gradients);
  });
  const parts = device().tuner!.trace(step.run);
  // Waits until the step is done: only then does the device have nothing more to say against a shader.
  const sum = tf.tidy(() => tf.sum(net.getWeights()[0]));
  await readScalars(sum);
  sum.dispose();
  return parts;
}

/** A training step on images that are random numbers. */
function stepOf(
  net: Sequential,
  { batchSize, precision }: { batchSize: number; precision: Precision },
  use: (gradients: Tensor[]) => void,
): { run: () => void } & Disposable {
  const shape = [batchSize, ...net.inputShape];
  const images: Tensor4D = tf.randomUniform(shape as Tensor4D["shape"]);
  const labels = tf.zeros([batchSize], "int32") as Tensor1D;
  return {
    run() {
      const results = recordStep(net, images, labels, { precision });
      tf.dispose([results.loss, results.correct]);
      use(results.gradients);
    },
    [Symbol.dispose]: () => tf.dispose([images, labels]),
  };
}

/** The adapter of a device that can be tuned, with the limit of bytes per binding that is in force. */
function adapterInUse(): AdapterDescription {
  const { adapter, maxBindingBytes } = device().info;
  return {
    ...adapter!,
    limits: {
      ...adapter!.limits,
      maxStorageBufferBindingSize: maxBindingBytes,
    },
  };
}
