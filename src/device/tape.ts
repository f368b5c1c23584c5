/**
 * Operations of our own with gradients of our own, for TensorFlow.js's tape and for one of ours.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Scalar, type Tensor, tf } from "./tf.ts";
import { castTo } from "./webgpu/cast.ts";
import { storedType } from "./webgpu/run/recorder.ts";

/** An operation that was recorded. */
interface _Recorded {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  readonly saved: Tensor[];
  /** Output and saved tensors that the operation made; others are of earlier operations, or not ours to free. */
  readonly made: readonly Tensor[];
  readonly gradient: (dy: Tensor, saved: Tensor[]) => Tensor[];
}

/** Our tape, while it records. */
let tape: _Recorded[] | undefined;

/**
 * Runs an operation whose gradient is given.
 *
 * @param inputs Tensors that it is differentiable by.
 * @param forward Computes the output, and saves the tensors that the gradient needs.
 * @param gradient Computes the gradient by each input from the gradient of the output and what was saved.
 * @returns The output.
 */
export function differentiable(
  inputs: readonly Tensor[],
  forward: (save: (tensors: Tensor[]) => void) => Tensor,
  gradient: (dy: Tensor, saved: Tensor[]) => Tensor[],
): Tensor {
  if (tape !== undefined) {
    let saved: Tensor[] = [];
    const made = tf.tidy(() => {
      const output = forward((tensors) => saved = tensors);
      const { scopeId } = output;
      return [output, ...saved.filter((tensor) => tensor.scopeId === scopeId)];
    });
    const [output] = made;
    tape.push({ inputs, output, saved, made, gradient });
    return output;
  }
  const operation = tf.customGrad((...args) => ({
    value: forward(args.at(-1) as unknown as (tensors: Tensor[]) => void),
    // TensorFlow.js may add gradients up.
    gradFunc: (dy, saved) => gradient(asNumbers(dy), saved).map(asFloats),
  }));
  return operation(...inputs);
}

/**
 * Runs an operation of TensorFlow.js's, which its own tape differentiates: on ours, it is computed once more for that.
 *
 * @param inputs Tensors that it is differentiable by.
 * @param compute Computes the output, the same when it is asked again.
 * @returns The output.
 */
export function opaque(
  inputs: readonly Tensor[],
  compute: (...inputs: Tensor[]) => Tensor,
): Tensor {
  if (tape === undefined) return compute(...inputs);
  return differentiable(inputs, () => {
    const output = _untaped(() => compute(...inputs));
    return inputs.includes(output) ? tf.clone(output) : output;
  }, (dy) => {
    const again = () => compute(...inputs);
    // Whether there may be inputs that it does not depend on.
    const isAnyUnused = true;
    const { grads } = tf.engine()
      .gradients(again, [...inputs], asFloats(dy), isAnyUnused);
    // One of them may be `dy` itself.
    return grads.map((dx, i) => dx ? tf.clone(dx) : tf.zerosLike(inputs[i]));
  });
}

function _untaped<T>(run: () => T): T {
  const outer = tape;
  tape = undefined;
  try {
    return run();
  } finally {
    tape = outer;
  }
}

/** Receives gradients one by one, in the order in which the backward pass finishes them. */
export type GradientListener = (place: number, gradient: Tensor) => void;

/** A scalar and its gradients. */
export interface ScalarAndGradients {
  readonly value: Scalar;
  /** A tensor per weight, of the same shape; it stores float32 or float16. */
  readonly gradients: Tensor[];
}

/**
 * Computes gradients by a tape of our own. Against TensorFlow.js's, what a gradient needs is freed as soon as it is
 * computed, and there is less JavaScript. Call it inside a `tidy`.
 *
 * @param weights Tensors that gradients are wanted of; no operation may give one of them.
 * @param compute Computes the scalar, by {@linkcode differentiable} and {@linkcode opaque} operations alone.
 * @param onGradient Receives the place of a weight and its gradient as soon as that is whole, while others are not.
 * @returns The scalar and its gradient by each weight.
 */
export function valueAndGradients(
  weights: readonly Tensor[],
  compute: () => Scalar,
  onGradient?: GradientListener,
): ScalarAndGradients {
  const recorded: _Recorded[] = tape = [];
  let value: Scalar;
  try {
    value = compute();
  } finally {
    tape = undefined;
  }
  const gradients = new Map<Tensor, Tensor>([[value, tf.scalar(1)]]);
  const finished = onGradient && _finishedBy(recorded, weights);
  for (const operation of recorded.reverse()) {
    const { inputs, output, saved, made, gradient } = operation;
    const dy = gradients.get(output);
    if (dy !== undefined) {
      gradients.delete(output);
      tf.tidy(() => gradient(dy, saved)).forEach((dx, i) => {
        const sum = gradients.get(inputs[i]);
        gradients.set(inputs[i], sum === undefined ? dx : _add(sum, dx));
      });
      dy.dispose();
    }
    tf.dispose(made.filter((tensor) => tensor !== value));
    for (const place of finished?.get(operation) ?? []) {
      const gradient = gradients.get(weights[place]);
      if (gradient !== undefined) onGradient!(place, gradient);
    }
  }
  return {
    value,
    gradients: weights.map((weight) =>
      gradients.get(weight) ?? tf.zerosLike(weight)
    ),
  };
}

/** Places of the weights whose gradients are whole after the gradient of an operation: the first that had them as inputs. */
function _finishedBy(
  recorded: readonly _Recorded[],
  weights: readonly Tensor[],
): Map<_Recorded, number[]> {
  const finished = new Map<_Recorded, number[]>();
  weights.forEach((weight, place) => {
    const first = recorded.find(({ inputs }) => inputs.includes(weight));
    if (first === undefined) return;
    const places = finished.get(first);
    if (places) places.push(place);
    else finished.set(first, [place]);
  });
  return finished;
}

/**
 * Gives TensorFlow.js a tensor that one of our kernels made.
 *
 * @param info The tensor as kernels see it.
 * @returns The same tensor; the current scope owns it.
 */
export function asTensor(info: TensorInfo): Tensor {
  return tf.engine().makeTensorFromTensorInfo(info);
}

/**
 * Takes a tensor of TensorFlow.js as kernels see it.
 *
 * @param tensor A tensor, which is disposed.
 * @returns The same memory; the caller owns it.
 */
export function takeInfo(tensor: Tensor): TensorInfo {
  const { dataId, shape, dtype } = tensor;
  (tf.backend() as WebGPUBackend).incRef(dataId);
  tensor.dispose();
  return { dataId, shape, dtype };
}

/**
 * A tensor that stores float32 or float16, as our kernels need it, whatever it was cast from.
 *
 * @param x float32 by its type.
 * @returns The same tensor or, on WebGPU where it stores something else, a copy of it that the current scope owns,
 * differentiable.
 */
export function asNumbers<T extends Tensor>(x: T): T {
  if (tf.getBackend() !== "webgpu") return x;
  const type = storedType(tf.backend() as WebGPUBackend, x);
  if (type === "float32" || type === "float16") return x;
  return differentiable([x], () => tf.add(x, 0), (dy) => [tf.clone(dy)]) as T;
}

/**
 * A tensor that stores float32, as everything else needs it.
 *
 * @param x float32 by its type.
 * @returns The same tensor or, on WebGPU where it stores something else, a copy of it that the current scope owns,
 * differentiable.
 */
export function asFloats<T extends Tensor>(x: T): T {
  const numbers = asNumbers(x);
  if (tf.getBackend() !== "webgpu") return numbers;
  const backend = tf.backend() as WebGPUBackend;
  if (storedType(backend, numbers) === "float32") return numbers;
  return differentiable(
    [numbers],
    () => readAs(backend, numbers, "float32"),
    (dy) => [tf.clone(dy)],
  ) as T;
}

/**
 * A tensor as kernels are to read it.
 *
 * @param backend The backend that holds it.
 * @param x A tensor that stores float32 or float16.
 * @param type What is to be read.
 * @returns The same tensor or, where it stores something else, a copy of it that the current scope owns.
 */
export function readAs(
  backend: WebGPUBackend,
  x: Tensor,
  type: "float32" | "float16",
): Tensor {
  return storedType(backend, x) === type
    ? x
    : asTensor(castTo(backend, x, type));
}

/** Adds two gradients, whatever they store, and frees them. */
function _add(a: Tensor, b: Tensor): Tensor {
  const sum = tf.tidy(() => tf.add(asFloats(a), asFloats(b)));
  tf.dispose([a, b]);
  return sum;
}
