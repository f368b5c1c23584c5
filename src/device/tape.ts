/** Operations of our own with gradients of our own, for TensorFlow.js's tape and for one of ours. */

import type { KernelBackend, TensorInfo } from "@tensorflow/tfjs-core";
import { BackendError } from "../errors.ts";
import { device } from "./device.ts";
import { type Scalar, type Tensor, tf } from "./tf.ts";

/** An operation that was recorded. */
interface Recorded {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  readonly saved: Tensor[];
  /** Output and saved tensors that the operation made; others are of earlier operations, or not ours to free. */
  readonly made: readonly Tensor[];
  readonly gradient: (dy: Tensor, saved: Tensor[]) => Tensor[];
}

/** Our tape, while it records. */
let tape: Recorded[] | undefined;

/** Runs an operation whose gradient is given. */
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
 * Runs operations of TensorFlow.js's. On our tape they are one operation, whose gradient is what TensorFlow.js's tape, which
 * records them here, makes of it: nothing is computed twice.
 */
export function opaque(
  inputs: readonly Tensor[],
  compute: (...inputs: Tensor[]) => Tensor,
): Tensor {
  if (tape === undefined) return compute(...inputs);
  const { output, nodes } = recordNodes(inputs, compute);
  const own = inputs.includes(output) ? tf.clone(output) : output;
  tape.push({
    inputs,
    output: own,
    saved: [],
    made: [own, ...savedBy(nodes)],
    gradient: (dy) => gradientsOf(nodes, { inputs, output, dy: asFloats(dy) }),
  });
  return own;
}

/** An operation on TensorFlow.js's tape. */
interface TapeNode {
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: readonly Tensor[];
  /** What its gradient needs: kept until we dispose it. */
  readonly saved?: readonly Tensor[];
  readonly gradient?: (
    dys: readonly (Tensor | undefined)[],
  ) => Readonly<Record<string, (() => Tensor) | undefined>>;
}

/** The part of TensorFlow.js's engine that has its tape. */
interface TapeEngine {
  readonly state: { activeTape: TapeNode[] | null; gradientDepth: number };
  startTape(): void;
  endTape(): void;
}

/** Computes with TensorFlow.js's tape recording in place of ours; the current scope owns the output. */
function recordNodes(
  inputs: readonly Tensor[],
  compute: (...inputs: Tensor[]) => Tensor,
): { output: Tensor; nodes: readonly TapeNode[] } {
  const engine = tf.engine() as unknown as TapeEngine;
  const { state } = engine;
  // Another tape may record around us, as where somebody differentiates a whole training step.
  const outer = state.gradientDepth > 0 ? state.activeTape : null;
  const begin = outer?.length ?? 0;
  const ours = tape;
  tape = undefined;
  engine.startTape();
  let output: Tensor | undefined;
  let nodes: readonly TapeNode[] = [];
  try {
    output = tf.tidy(() => compute(...inputs));
  } finally {
    tape = ours;
    engine.endTape();
    nodes = state.activeTape?.slice(begin) ?? [];
    if (outer === null) state.activeTape = null;
    else outer.length = begin;
    if (output === undefined) tf.dispose(savedBy(nodes));
  }
  return { output, nodes };
}

function savedBy(nodes: readonly TapeNode[]): Tensor[] {
  return nodes.flatMap(({ saved }) => saved ?? []);
}

/** Goes back over the nodes that lead from the inputs to the output. */
function gradientsOf(
  nodes: readonly TapeNode[],
  { inputs, output, dy }: {
    inputs: readonly Tensor[];
    output: Tensor;
    dy: Tensor;
  },
): Tensor[] {
  const reached = new Set(inputs.map(({ id }) => id));
  const path = nodes.filter((node) => {
    const isOn = Object.values(node.inputs).some(({ id }) => reached.has(id));
    if (isOn) node.outputs.forEach(({ id }) => reached.add(id));
    return isOn;
  });
  const sums = new Map<number, Tensor>([[output.id, dy]]);
  for (const node of path.reverse()) {
    const dys = node.outputs.map(({ id }) => sums.get(id));
    if (dys.every((dy) => dy === undefined)) continue;
    const gradients = node.gradient?.(dys) ?? {};
    for (const [name, input] of Object.entries(node.inputs)) {
      if (!reached.has(input.id)) continue;
      const dx = gradients[name]?.();
      if (dx === undefined) {
        throw new BackendError(
          `Cannot compute a gradient as TensorFlow.js has none of ${node.kernelName} by ${name}: use another operation in the layer`,
        );
      }
      const sum = sums.get(input.id);
      sums.set(input.id, sum === undefined ? dx : tf.add(sum, dx));
    }
  }
  // One of them may be `dy` itself.
  return inputs.map((x) => {
    const dx = sums.get(x.id);
    return dx ? tf.clone(dx) : tf.zerosLike(x);
  });
}

/** Receives gradients one by one, in the order in which the backward pass finishes them; `index` is that of the weight. */
export type GradientListener = (index: number, gradient: Tensor) => void;

/**
 * Computes a scalar and its gradients, a tensor per weight that stores float32 or float16, by a tape of our own. Against
 * TensorFlow.js's, what a gradient needs is freed as soon as it is computed, and there is less JavaScript. Call it inside a
 * `tidy`.
 */
export function valueAndGradients(
  weights: readonly Tensor[],
  compute: () => Scalar,
  onGradient?: GradientListener,
) {
  const recorded: Recorded[] = tape = [];
  try {
    const value = compute();
    tape = undefined;
    const found = goBack(recorded, value, { weights, onGradient });
    const gradients = weights.map((w) => found.get(w) ?? tf.zerosLike(w));
    return { value, gradients };
  } catch (error) {
    // What TensorFlow.js's tape kept, no scope frees.
    tf.dispose(recorded.flatMap(({ made }) => made));
    throw error;
  } finally {
    tape = undefined;
  }
}

/** Finds the gradients of a value by what went into it. */
function goBack(
  recorded: Recorded[],
  value: Scalar,
  { weights, onGradient }: {
    weights: readonly Tensor[];
    onGradient?: GradientListener;
  },
): Map<Tensor, Tensor> {
  const gradients = new Map<Tensor, Tensor>([[value, tf.scalar(1)]]);
  // The gradient of a weight is whole once the first operation that it went into has been gone back over.
  const firsts = onGradient &&
    weights.map((weight) =>
      recorded.find(({ inputs }) => inputs.includes(weight))
    );
  for (const operation of recorded.reverse()) {
    const { inputs, output, saved, made, gradient } = operation;
    const dy = gradients.get(output);
    if (dy !== undefined) {
      gradients.delete(output);
      tf.tidy(() => gradient(dy, saved)).forEach((dx, i) => {
        const sum = gradients.get(inputs[i]);
        gradients.set(inputs[i], sum === undefined ? dx : add(sum, dx));
      });
      dy.dispose();
    }
    tf.dispose(made.filter((tensor) => tensor !== value));
    if (onGradient === undefined) continue;
    for (const [i, weight] of weights.entries()) {
      const whole = firsts?.[i] === operation && gradients.get(weight);
      if (whole) onGradient(i, whole);
    }
  }
  return gradients;
}

/** Gives TensorFlow.js a tensor that one of our kernels made. */
export function asTensor(info: TensorInfo): Tensor {
  return tf.engine().makeTensorFromTensorInfo(info);
}

/** Takes a tensor of TensorFlow.js as kernels see it, out of the scope that owns it. */
export function takeInfo(tensor: Tensor): TensorInfo {
  const { dataId, shape, dtype } = tensor;
  (tf.backend() as KernelBackend & { incRef(dataId: object): void })
    .incRef(dataId);
  tensor.dispose();
  return { dataId, shape, dtype };
}

/** Asks the device for a tensor that stores float32 or float16, as the device needs it, whatever it was cast from. */
export function asNumbers<T extends Tensor>(x: T): T {
  return device().asNumbers(x) as T;
}

/** Asks the device for a tensor that stores float32, as TensorFlow.js's operations need it. */
export function asFloats<T extends Tensor>(x: T): T {
  return device().asFloats(x) as T;
}

/** Adds two gradients, whatever they store, and frees them. */
function add(a: Tensor, b: Tensor): Tensor {
  const sum = tf.tidy(() => tf.add(asFloats(a), asFloats(b)));
  tf.dispose([a, b]);
  return sum;
}
