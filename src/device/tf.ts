/** TensorFlow.js, loaded on first use, so that importing this package (and `--help`) stays instant. */

import type * as Core from "@tensorflow/tfjs-core";
import { BackendError } from "../errors.ts";
import { makeCpuBackend } from "./tfjs/cpu_backend.ts";

export type {
  DataType,
  Scalar,
  Tensor,
  Tensor1D,
  Tensor2D,
  Tensor4D,
  TensorContainer,
  Variable,
} from "@tensorflow/tfjs-core";

/** The module `@tensorflow/tfjs-core`. */
type Tf = typeof Core;

const NOT_LOADED = new Proxy({}, {
  get(_, name): never {
    throw new BackendError(
      `Cannot use tf.${
        String(name)
      } as no device is ready: call \`await initBackend()\` first`,
    );
  },
}) as Tf;

/** `@tensorflow/tfjs-core` once {@linkcode loadTf} has settled (a live binding); before, any use of it throws. */
export let tf: Tf = NOT_LOADED;

let loading: Promise<Tf> | undefined;

/**
 * Loads TensorFlow.js with its gradients and its CPU backend, once.
 *
 * `tfjs-core` alone registers no gradients and its deep ES module files cannot be imported in Deno; importing
 * `tfjs-layers` registers them on the same core.
 */
export function loadTf(): Promise<Tf> {
  return loading ??= (async () => {
    const core = await import("@tensorflow/tfjs-core");
    await import("@tensorflow/tfjs-layers");
    const { MathBackendCPU } = await import("@tensorflow/tfjs-backend-cpu");
    // Not where someone has opened the other already, and may hold tensors on it.
    if (!("cpu" in core.engine().registry)) {
      core.removeBackend("cpu");
      core.registerBackend("cpu", () => makeCpuBackend(MathBackendCPU), 1);
    }
    // Deno is not Node, and tfjs-backend-cpu advertises its Node bindings to Node.
    core.env().set("IS_NODE", false);
    return tf = core;
  })();
}

/** Whether TensorFlow.js has a backend in use: without one, making a tensor would have it choose one by itself. */
export function hasBackend(): boolean {
  return Boolean(tf.getBackend());
}
