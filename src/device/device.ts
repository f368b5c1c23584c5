/**
 * What layers, losses, optimizers and batches ask of a device. Three devices answer, each in a folder of its own: WebGPU
 * (`webgpu/`), the CPU with oneDNN (`onednn/`), and TensorFlow.js's own operations (`tfjs/`).
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import { BackendError } from "../errors.ts";
import type { RandomSource } from "../random.ts";
import type { UpdateFormula } from "./formula.ts";
import type { ConvSizes, GatherSizes, PoolSizes } from "./sizes.ts";
import {
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tf,
  type Variable,
} from "./tf.ts";

/**
 * A device and its operations. Layers may differentiate those that give a tensor, on TensorFlow.js's tape and on ours
 * (`tape.ts`). Tensors are float32; on a device that has float16, activations and their gradients may store that.
 */
export interface Device {
  /** Which one it is, and its folder. */
  readonly name: "webgpu" | "onednn" | "tfjs";
  /** What it can and cannot do. */
  readonly info: BackendInfo;
  /** Computes `pool(activation(conv2d(x, kernel) + bias))`: `x` is NHWC, `kernel` HWIO and `bias` `[outChannels]`. */
  conv(
    tensors: { x: Tensor4D; kernel: Tensor4D; bias: Tensor },
    options: FusedConvOptions,
  ): Tensor4D;
  /** Computes `dropout(activation(x * kernel + bias))`: `x` is `[batch, in]`, `kernel` `[in, out]` and `bias` `[out]`. */
  dense(
    tensors: { x: Tensor2D; kernel: Tensor2D; bias: Tensor },
    options: FusedDenseOptions,
  ): Tensor2D;
  /** Largest value, or mean, of each window of images, NHWC; padding never counts as a value. */
  pool(x: Tensor4D, pool: FusedPool): Tensor4D;
  /** Drops elements of a tensor of any shape, and divides the others by `1 - rate`. */
  dropout(x: Tensor, options: Dropout): Tensor;
  /**
   * Softmax cross entropy of float32 logits `[batch, classes]` and int32 labels `[batch]`, with its gradient and the number of
   * correct predictions. A row whose label is not in [0, classes) has the loss NaN. `count` is what to divide by: the size of
   * the whole batch. It is not differentiable.
   */
  crossEntropy(
    tensors: { logits: TensorInfo; labels: TensorInfo },
    count: number,
  ): CrossEntropy;
  /** Whether a float32 scalar is 1, as far as the host knows: it does not wait for the device. */
  isOne(scalar: TensorInfo): boolean;
  /**
   * A step of an optimizer: changes each weight, and what is kept of it from step to step, where they are, by a formula. All
   * parameters have variables of the same names. `step`, a float32 scalar, counts the steps so far, and is increased: a formula
   * with bias corrections needs it. Gradients are first multiplied by the factor that `scale` has, see
   * {@linkcode SCALE_STATE}; where that is 0, nothing changes, `step` neither.
   */
  update(
    formula: UpdateFormula,
    parameters: readonly Parameter[],
    state?: { step?: Variable; scale?: Tensor1D },
  ): void;
  /**
   * Finds the norm of all gradients as one vector, once they are multiplied by the factor that `scale` has, and
   * `factor * min(1, maxNorm / (norm + 1e-6))`, which is 0 where one of them is not finite. Writes both to `state`, float32
   * `[4]`, see {@linkcode CLIP_STATE}.
   */
  clipNorm(
    tensors: {
      gradients: readonly Tensor[];
      state: Variable;
      scale?: Tensor1D;
    },
    maxNorm: number,
  ): void;
  /**
   * Looks for gradients that are not finite, and changes the loss scale in `state`, float32 `[4]`, see
   * {@linkcode SCALE_STATE}: halves it, or doubles it after so many steps without one. Only a device that has float16 does this.
   */
  updateLossScale?(
    tensors: { gradients: readonly Tensor[]; state: Variable },
    growthInterval: number,
  ): void;
  /**
   * Gives a tensor that stores float32 or float16, as the operations above need it, whatever it was cast from: the same one, or
   * a copy that the current scope owns.
   */
  asNumbers(x: Tensor): Tensor;
  /** Gives a tensor that stores float32, as TensorFlow.js's operations need it: the same one, or a copy like the above. */
  asFloats(x: Tensor): Tensor;
  /** Takes the values of a float32 tensor that nobody else reads, for the caller to change; the tensor is not disposed. */
  takeValues(tensor: Tensor): Float32Array | Promise<Float32Array>;
  /** Makes batches of images that are in memory as bytes; undefined if the device does not. */
  readonly images?: DeviceImages;
  /** How the fastest ways are found, where the device can compute an operation in several. */
  readonly tuner?: DeviceTuner;
}

/** Finds the fastest ways to compute operations, and says which are taken. */
export interface DeviceTuner {
  /** Computes operations in ways that were found before, whose names are given by key; all others in the usual way. */
  use(ways: ReadonlyMap<string, string>): void;
  /** Measures the operations of a step, which keeps nothing, one by one; each is computed in the fastest way from then on. */
  tune(
    step: () => void,
    /** Whether an operation with these ways was measured before. */
    isKnown: (operation: { key: string; ways: readonly string[] }) => boolean,
  ): AsyncGenerator<TunedOperation>;
  /** Runs a step; gives its operations, and the programs that belong to none, in the order in which they ran. */
  trace(step: () => void): readonly (TracedOperation | TracedProgram)[];
}

/** An operation that ran. */
export interface TracedOperation {
  /** Names the operation and all sizes that it depends on. */
  readonly key: string;
  /** What it computes, in words. */
  readonly what: string;
  /** The way that was taken. */
  readonly way: string;
  /** All ways, the usual first, and whether each fits or, in a few words, why not. */
  readonly ways: readonly {
    readonly name: string;
    readonly fits: true | string;
  }[];
  /** The operations and programs that it consists of, in the order in which they ran. */
  readonly parts: readonly (TracedOperation | TracedProgram)[];
}

/** A program of the device that ran. */
export interface TracedProgram {
  /** Names the program and all that its code depends on. */
  readonly key: string;
  /** WGSL. */
  readonly code: string;
}

/** The devices that are open, by the name of the backend of TensorFlow.js that each has. */
const open = new Map<string, Device>();

/** The device in use: that of the backend that TensorFlow.js computes on. */
export function device(): Device {
  const found = readyDevice();
  if (found !== undefined) return found;
  throw new BackendError(
    "Cannot compute as no device is ready: call `await initBackend()` first",
  );
}

/** The device in use, if one is ready. */
export function readyDevice(): Device | undefined {
  return open.size === 0 ? undefined : open.get(tf.getBackend());
}

/** Has a device, which is ready, compute whatever is computed on its backend of TensorFlow.js. */
export function setDevice(device: Device): void {
  open.set(device.info.device, device);
}

/** Forgets a device that is lost. */
export function dropDevice(name: BackendInfo["device"]): void {
  open.delete(name);
}

/** Errors of devices that no caller has been told of yet. */
const failures: string[] = [];

/** Keeps an error of a device for whoever asks next. */
export function reportFailure(message: string): void {
  failures.push(message);
}

/**
 * Throws if the device reported an error that no call has thrown yet, such as a shader that does not compile.
 *
 * @throws {BackendError} With the first error.
 */
export function throwIfDeviceFailed(): void {
  if (failures.length === 0) return;
  const [first, ...rest] = failures.splice(0);
  throw new BackendError(
    `The WebGPU device reported: ${first}${
      rest.length > 0 ? ` (and ${rest.length} more)` : ""
    }; try a smaller batch size, or the CPU device`,
  );
}

/** Reads tensors of one element each in one go, waiting for the device, and throws the errors that it reported. */
export async function readScalars(
  ...scalars: readonly Tensor[]
): Promise<number[]> {
  // A read costs a fixed 11 ms or so on WebGPU, whatever its size: gather first.
  const packed = tf.tidy(() =>
    tf.stack(scalars.map((s) => tf.reshape(tf.cast(s, "float32"), [])))
  );
  try {
    const values = await packed.data();
    throwIfDeviceFailed();
    return Array.from(values);
  } finally {
    packed.dispose();
  }
}

/** A batch of images of bytes that a device makes. */
export interface GatheredBatch {
  /** Which of the images each of the batch is. */
  readonly indices: Uint32Array;
  readonly bytesPerImage: number;
  /** What is done to each. */
  readonly sizes: GatherSizes;
  /** Makes the table of the batch, int32: `wordsPerImage(sizes)` words for each of the images that the device holds. */
  readonly makeTable: (indices: Uint32Array) => Int32Array<ArrayBuffer>;
}

/** What a device does with images. None of it is differentiable. */
interface DeviceImages {
  /** Makes a batch, float32 NHWC, of images of bytes, which must not change: they stay on the device where they fit. */
  gather(bytes: Uint8Array, batch: GatheredBatch): Tensor4D;
  /** Copies a batch to the device, float32 NHWC. */
  copy(values: Float32Array<ArrayBuffer>, shape: readonly number[]): Tensor4D;
  /** Frees what the device keeps of images that `gather` was given. */
  free(bytes: Uint8Array): void;
}

/** A pooling that follows a convolution. */
export interface FusedPool {
  readonly kind: "max" | "average";
  readonly sizes: PoolSizes;
}

/** A convolution, what follows it, and which gradients are wanted. */
export interface FusedConvOptions {
  readonly sizes: ConvSizes;
  readonly activation?: FusedActivation;
  readonly pool?: FusedPool;
  /** What the kernel is read as and the output stored as. Default float32. */
  readonly stored?: "float32" | "float16";
  /** Whether the gradient of `x` is wanted; without it, `x` counts as a constant. */
  readonly needsInputGradient: boolean;
  /** Most bytes of a tensor that is bound: an output that is max pooled is computed in parts where it would have more. */
  readonly maxBytes: number;
}

/** What follows the biased product; dropout comes after a relu only. */
export type FusedDenseOptions =
  & Pick<FusedConvOptions, "stored">
  & (
    | { readonly activation?: FusedActivation; readonly dropout?: undefined }
    | { readonly activation: "relu"; readonly dropout?: Dropout }
  );

/** What to drop. */
export interface Dropout {
  /** Probability in [0, 1) that an element becomes 0; the others are divided by `1 - rate`. */
  readonly rate: number;
  /** Which random numbers to draw, one per element. */
  readonly key: RandomKey;
}

/** A sequence of random numbers, and the position in it of the first one that is wanted: 0 by default. */
export type RandomKey = RandomSource & { readonly offset?: number };

/** Loss, correct count and gradient of a batch; the caller owns the tensors. */
export interface CrossEntropy {
  /** float32 []: sum of the losses over `count`, in nats. */
  readonly loss: TensorInfo;
  /** int32 []: rows whose first largest logit is at their label. */
  readonly correct: TensorInfo;
  /** float32 `[batch, classes]`: gradient of `loss`. */
  readonly gradient: TensorInfo;
}

/** An activation that follows a sum in the same kernel. */
export type FusedActivation = "relu" | "sigmoid";

/** A weight, what an optimizer keeps of it, and its gradient, which may store float16: of one shape. */
export interface Parameter {
  readonly gradient: Tensor;
  /** `weight` and, by their names in the formula, what is kept. */
  readonly variables: Readonly<Record<string, Variable>>;
}

/** Positions in the state of a loss scale, float32 `[4]`. */
export const SCALE_STATE = {
  /** What the next loss is multiplied by. */
  scale: 0,
  /** Steps since it changed. */
  steps: 1,
  /** What this step's gradients are to be multiplied by: 1 over their scale, or 0 where one of them is not finite. */
  factor: 2,
  /** Steps whose gradients were not finite. */
  skipped: 3,
} as const;

/** Largest loss scale. */
export const MAX_SCALE = 2 ** 31;

/** Positions in the state of clipping, float32 `[4]`. */
export const CLIP_STATE = {
  /** Norm of the step's gradients before they are clipped. */
  norm: 0,
  /** What the step's gradients are to be multiplied by: where optimizers look for it. */
  factor: SCALE_STATE.factor,
} as const;

/** What the norm is increased by before the limit is divided by it, as PyTorch's `clip_grad_norm_` does. */
export const CLIP_EPSILON = 1e-6;

/** A library of kernels for CPUs. */
export interface NativeLibrary {
  /** Its name. */
  readonly name: "oneDNN";
  /** Its version, for example "2.6.3". */
  readonly version: string;
  /** Its file, as it was found. */
  readonly path: string;
  /** Threads that it computes with; undefined where it does not say. */
  readonly threads?: number;
}

/** What a person wants to know of a WebGPU adapter. */
export interface AdapterDescription {
  /** Name as the driver gives it, for example "llvmpipe (LLVM 15.0.6, 256 bits)". */
  readonly name: string;
  /** Vendor as the driver gives it: a name, or a PCI number in decimal. */
  readonly vendor: string;
  /** Whether the adapter computes on the CPU. */
  readonly isSoftware: boolean;
  /** WebGPU features on offer, sorted. */
  readonly features: readonly string[];
  /** The limits that matter for training, in bytes, invocations or workgroups. */
  readonly limits: Readonly<Record<string, number>>;
}

/** The device in use and its limits. */
export interface BackendInfo {
  /** The TensorFlow.js backend in use. */
  readonly device: "webgpu" | "cpu";
  /** The WebGPU adapter, where `device` is "webgpu". */
  readonly adapter?: AdapterDescription;
  /** The library that computes, where `device` is "cpu"; without one TensorFlow.js does, in plain JavaScript. */
  readonly library?: NativeLibrary;
  /** Largest tensor that a kernel may read or write, in bytes; `Infinity` on the CPU. */
  readonly maxBindingBytes: number;
  /** Loop iterations after which a shader invocation silently stops; `Infinity` where there is no such limit. */
  readonly maxLoopIterations: number;
}

/** What was measured of an operation. */
export interface TunedOperation {
  /** Names the operation and all sizes that it depends on. */
  readonly key: string;
  /** The way that was chosen. */
  readonly way: string;
  /** Milliseconds that it takes. */
  readonly ms: number;
  /** The way that is taken without a tuner. */
  readonly usual: string;
  /** Milliseconds that this takes. */
  readonly usualMs: number;
}
