/** Collective operations, one after the other, while this thread does other things; and sums of float16 made of several. */

import { setImmediate } from "node:timers";
import { divide } from "../data/loader/batch.ts";
import type { Communicator } from "../train/communicator.ts";
import type { MpiFunction, MpiLibrary, MpiValue } from "./library.ts";
import type { Watch } from "./watch.ts";

/** Begins an operation, and writes its request to the array. */
export type Start = (request: BigUint64Array) => void;

/** An operation of all processes. */
export function collective(
  { call, abi }: MpiLibrary,
  name: MpiFunction,
  ...values: readonly MpiValue[]
): Start {
  return (request) => call(name, ...values, abi.commWorld, request);
}

/** How long to look for the end of an operation before other tasks have their turn, in milliseconds. */
const LOOK_MS = 0.5;

/** Time after which to sleep between two looks: by then, another process is late. */
const PATIENT_AFTER_MS = 1000;

/** An operation that has not ended. */
interface Pending {
  /** Its stages, the first of which is in progress or is next. */
  readonly stages: Start[];
  readonly done: PromiseWithResolvers<void>;
}

/**
 * Runs operations in the order in which they are asked for. Libraries go on with an operation only while they are called,
 * so it is looked at whenever this thread has time, and whenever another one is asked for.
 */
export class Queue {
  readonly #library: MpiLibrary;
  readonly #watch: Watch;
  readonly #waiting: Pending[] = [];
  readonly #request = new BigUint64Array(new ArrayBuffer(8));
  readonly #flag = new Int32Array(new ArrayBuffer(4));
  #current: Pending | undefined;
  /** When it began. */
  #since = 0;
  #isDriven = false;
  /** What went wrong, after which nothing works. Its operation is kept, as the library may still write to its arrays. */
  #failure: { error: unknown; operation?: Pending } | undefined;

  /** `watch` looks after the other processes while they are waited for. */
  constructor(library: MpiLibrary, watch: Watch) {
    this.#library = library;
    this.#watch = watch;
  }

  /**
   * Runs an operation after those that were asked for before. Each of its stages begins when the one before has ended, with no
   * other operation between: so all processes run the same stages in the same order, whenever each of them asks. Arrays in use
   * must be left alone until the end. It throws a `DistributedError` if the operation fails, or a process does not come to it.
   */
  async run(...stages: Start[]): Promise<void> {
    if (this.#failure) throw this.#failure.error;
    const done = Promise.withResolvers<void>();
    this.#waiting.push({ stages, done });
    this.#attempt(() => this.#advance());
    if (!this.#isDriven) this.#drive();
    await done.promise;
  }

  /** Looks again and again until there is nothing to do. */
  async #drive(): Promise<void> {
    this.#isDriven = true;
    while (this.#current !== undefined) {
      const waitedMs = performance.now() - this.#since;
      const isPatient = waitedMs > PATIENT_AFTER_MS;
      await new Promise<void>((resolve) => {
        if (isPatient) setTimeout(resolve, 1);
        else setImmediate(resolve);
      });
      this.#attempt(() => {
        if (isPatient) this.#watch.check(waitedMs);
        const end = performance.now() + LOOK_MS;
        while (!this.#advance() && performance.now() < end);
      });
    }
    this.#isDriven = false;
  }

  /** Goes on with what is in progress, and says whether there is nothing left to do. */
  #advance(): boolean {
    for (;;) {
      if (this.#current === undefined) {
        this.#current = this.#waiting.shift();
        if (this.#current === undefined) return true;
        this.#begin(this.#current);
      }
      const { call, abi } = this.#library;
      call("MPI_Test", this.#request, this.#flag, abi.statusIgnore);
      if (this.#flag[0] === 0) return false;
      const { stages, done } = this.#current;
      stages.shift();
      if (stages.length > 0) {
        this.#begin(this.#current);
      } else {
        done.resolve();
        this.#current = undefined;
      }
    }
  }

  #begin({ stages: [start] }: Pending): void {
    this.#since = performance.now();
    this.#watch.numBegun++;
    start(this.#request);
  }

  /** Does something; if it fails, all operations fail. */
  #attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#failure = { error, operation: this.#current };
      this.#current?.done.reject(error);
      for (const { done } of this.#waiting.splice(0)) done.reject(error);
      this.#current = undefined;
    }
  }
}

const BYTES = Float16Array.BYTES_PER_ELEMENT;

/**
 * Sums arrays of float16: each process adds up one part of the array, in float32, and sends the sums to all. Both ways each
 * element crosses the network as two bytes.
 */
export class HalfSum {
  readonly #library: MpiLibrary;
  readonly #process: Pick<Communicator, "rank" | "size">;
  /** Memory that each sum uses again, as fresh memory costs more than the sum. */
  #received = new Float16Array(0);
  #sums = new Float32Array(0);

  /** `process` is this process. */
  constructor(
    library: MpiLibrary,
    process: Pick<Communicator, "rank" | "size">,
  ) {
    this.#library = library;
    this.#process = process;
  }

  /** The stages of a sum, which replaces `values`: all to all, then all to all again. No other sum may begin between them. */
  stages(values: Float16Array): Start[] {
    const library = this.#library;
    const { byte, inPlace } = library.abi;
    const { rank, size } = this.#process;
    const parts = Array.from(
      { length: size },
      (_, index) => divide(values.length, { index, count: size }),
    );
    const { begin, end } = parts[rank];
    const length = end - begin;
    const counts = ints(parts.map(({ begin, end }) => BYTES * (end - begin)));
    const offsets = ints(parts.map(({ begin }) => BYTES * begin));
    const ownCounts = ints(parts.map(() => BYTES * length));
    const ownOffsets = ints(parts.map((_, i) => BYTES * i * length));
    return [
      (request) => {
        if (this.#received.length < size * length) {
          this.#received = new Float16Array(size * length);
          this.#sums = new Float32Array(length);
        }
        const sent = [values, counts, offsets, byte];
        const received = [this.#received, ownCounts, ownOffsets, byte];
        const all = [...sent, ...received];
        collective(library, "MPI_Ialltoallv", ...all)(request);
      },
      (request) => {
        values.set(this.#add(length), begin);
        const all = [inPlace, 0, byte, values, counts, offsets, byte];
        collective(library, "MPI_Iallgatherv", ...all)(request);
      },
    ];
  }

  /** Adds up what was received, `[size, length]`, over the processes. */
  #add(length: number): Float32Array {
    const received = this.#received;
    const sums = this.#sums.subarray(0, length);
    sums.set(received.subarray(0, length));
    for (let rank = 1; rank < this.#process.size; rank++) {
      const at = rank * length;
      for (let i = 0; i < length; i++) sums[i] += received[at + i];
    }
    return sums;
  }
}

/** Numbers as the library reads them, in memory that does not move. */
function ints(numbers: readonly number[]): Int32Array<ArrayBuffer> {
  const ints = new Int32Array(new ArrayBuffer(4 * numbers.length));
  ints.set(numbers);
  return ints;
}
