/** TensorFlow.js's CPU backend, with memory that is used again. */

import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";

/** What arrays begin at a multiple of: a cache line, and the widest vector. */
export const ALIGNMENT = 64;

/** The backend; the values of our kernels' results lie in its `arrays`. */
export type CpuBackend = ReturnType<typeof makeCpuBackend>;

/**
 * Makes the backend.
 *
 * Only arrays that it lent itself, to one tensor, are changed in place. So readers are given copies.
 */
export function makeCpuBackend(Base: typeof MathBackendCPU) {
  return new class extends Base {
    readonly arrays = new CpuMemory();

    override write(...args: Parameters<MathBackendCPU["write"]>) {
      this.arrays.hold(args[0]);
      return super.write(...args);
    }

    override move(...args: Parameters<MathBackendCPU["move"]>) {
      this.arrays.hold(args[1]);
      super.move(...args);
    }

    override disposeData(dataId: object, force = false) {
      const isHere = this.data.has(dataId);
      const values = isHere ? this.data.get(dataId).values : undefined;
      const isGone = super.disposeData(dataId, force);
      if (isGone) this.arrays.release(values);
      return isGone;
    }

    override readSync(dataId: object) {
      const values = super.readSync(dataId);
      const isLent = this.arrays.holders(values) !== undefined;
      return isLent && values instanceof Float32Array ? values.slice() : values;
    }
  }();
}

/** Smaller arrays are not worth keeping. */
const MIN_BYTES = 1 << 16;

/** How much larger than asked for memory may be. */
const MOST_WASTE = 2;

/** Memory lent and kept together is at most this many times what was lent at once. */
const MOST_KEPT = 2;

/** The first aligned offset of memory. */
export function alignedOffset(buffer: ArrayBuffer): number {
  const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer));
  return Number(-address & BigInt(ALIGNMENT - 1));
}

/** Memory that tensors come from and go back to. */
export class CpuMemory {
  /** How many tensors hold values in memory that was lent. */
  readonly #holders = new WeakMap<ArrayBufferLike, number>();
  /** From what was released first to what was released last. */
  readonly #free: ArrayBuffer[] = [];
  #lentBytes = 0;
  #mostLentBytes = 0;

  /** Bytes that are lent. */
  get lentBytes(): number {
    return this.#lentBytes;
  }

  /** Bytes that are kept for later. */
  get freeBytes(): number {
    return this.#free.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Makes an array, which is lent until the last tensor that holds it is disposed. */
  floats(length: number): Float32Array<ArrayBuffer> {
    const [buffer, offset] = this.#lend(4 * length);
    return new Float32Array(buffer, offset, length);
  }

  /** Makes an array of bytes, lent like {@linkcode floats}. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(...this.#lend(length), length);
  }

  /** Counts another tensor that holds an array. */
  hold(values: unknown): void {
    const holders = this.holders(values);
    if (holders === undefined) return;
    this.#holders.set((values as ArrayBufferView).buffer, holders + 1);
  }

  /** Counts one tensor less that holds an array, and keeps its memory for later where it was the last. */
  release(values: unknown): void {
    const holders = this.holders(values);
    if (holders === undefined) return;
    const { buffer } = values as { buffer: ArrayBuffer };
    if (holders > 1) this.#holders.set(buffer, holders - 1);
    else {
      this.#holders.delete(buffer);
      this.#lentBytes -= buffer.byteLength;
      if (buffer.byteLength >= MIN_BYTES) this.#keep(buffer);
    }
  }

  /** How many tensors hold values in the memory of an array. */
  holders(values: unknown): number | undefined {
    return ArrayBuffer.isView(values)
      ? this.#holders.get(values.buffer)
      : undefined;
  }

  #lend(bytes: number): [buffer: ArrayBuffer, offset: number] {
    const isSmall = bytes < MIN_BYTES;
    const buffer = isSmall
      ? new ArrayBuffer(bytes)
      : this.#take(bytes + ALIGNMENT);
    this.#holders.set(buffer, 0);
    this.#lentBytes += buffer.byteLength;
    this.#mostLentBytes = Math.max(this.#mostLentBytes, this.#lentBytes);
    return [buffer, isSmall ? 0 : alignedOffset(buffer)];
  }

  /** Takes the smallest memory that is large enough. */
  #take(bytes: number): ArrayBuffer {
    let best = -1;
    let least = MOST_WASTE * bytes + 1;
    for (const [i, { byteLength }] of this.#free.entries()) {
      if (byteLength < bytes || byteLength >= least) continue;
      best = i;
      least = byteLength;
    }
    return best < 0 ? new ArrayBuffer(bytes) : this.#free.splice(best, 1)[0];
  }

  /** Keeps memory for later, and lets go of the oldest, which is of no use where sizes change all the time. */
  #keep(buffer: ArrayBuffer): void {
    this.#free.push(buffer);
    const most = MOST_KEPT * this.#mostLentBytes - this.#lentBytes;
    while (this.freeBytes > most) this.#free.shift();
  }
}
