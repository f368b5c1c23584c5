/**
 * TensorFlow.js's CPU backend, with memory that is used again.
 *
 * @module
 */

import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { CpuMemory } from "./cpu_memory.ts";

/** The backend, as our kernels use it. */
export interface CpuBackend extends MathBackendCPU {
  /** Where the values of our kernels' results lie. */
  readonly arrays: CpuMemory;
}

/**
 * Makes the backend.
 *
 * Of the arrays in it only those change that it lent itself, and only to one tensor: so whoever reads gets a copy, as from
 * any other device.
 *
 * @param Base TensorFlow.js's class.
 * @returns A backend for `tf.registerBackend`.
 */
export function makeCpuBackend(Base: typeof MathBackendCPU): CpuBackend {
  class PooledCpuBackend extends Base implements CpuBackend {
    readonly arrays = new CpuMemory();

    override write(...args: Parameters<MathBackendCPU["write"]>): object {
      this.arrays.hold(args[0]);
      return super.write(...args);
    }

    override move(...args: Parameters<MathBackendCPU["move"]>): void {
      this.arrays.hold(args[1]);
      super.move(...args);
    }

    override disposeData(dataId: object, force = false): boolean {
      const values = this.data.has(dataId)
        ? this.data.get(dataId).values
        : undefined;
      const isGone = super.disposeData(dataId, force);
      if (isGone) this.arrays.release(values);
      return isGone;
    }

    override readSync(
      dataId: object,
    ): ReturnType<MathBackendCPU["readSync"]> {
      const values = super.readSync(dataId);
      return values instanceof Float32Array &&
          this.arrays.holders(values) !== undefined
        ? values.slice()
        : values;
    }
  }
  return new PooledCpuBackend();
}
