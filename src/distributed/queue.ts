/**
 * Collective operations, one after the other, while this thread does other things.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { MpiLibrary } from "./library.ts";
import type { Watch } from "./watch.ts";

/** How long to look for the end of an operation before others have their turn, in milliseconds. */
const LOOK_MS = 0.5;

/** After how long to give up a core between two looks: by then it is another process that is waited for. */
const PATIENT_AFTER_MS = 1000;

/** Begins an operation, and puts its request where it is told to. */
export type Start = (request: BigUint64Array) => void;

/** An operation that has not ended. */
interface _Operation {
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
  readonly #waiting: _Operation[] = [];
  readonly #request = new BigUint64Array(new ArrayBuffer(8));
  readonly #flag = new Int32Array(new ArrayBuffer(4));
  #current: _Operation | undefined;
  /** When it began. */
  #since = 0;
  #isDriven = false;
  /** What went wrong, after which nothing works; and in which operation, as the library may still write to its arrays. */
  #failure: { error: unknown; operation?: _Operation } | undefined;

  /**
   * Begins with no operations.
   *
   * @param library Runs them.
   * @param watch Watches the other processes while they are waited for.
   */
  constructor(library: MpiLibrary, watch: Watch) {
    this.#library = library;
    this.#watch = watch;
  }

  /**
   * Runs an operation, at once if there is no other.
   *
   * @param stages Begin its stages, each when the one before has ended, with no other operation between: so all processes run
   *   the same stages in the same order, whenever each of them asks. The arrays in use must be left alone until the end.
   * @throws {DistributedError} If it fails, or a process does not come to it.
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
      await (isPatient
        ? new Promise((resolve) => setTimeout(resolve, 1))
        : new Promise<void>((resolve) => setImmediate(resolve)));
      this.#attempt(() => {
        if (isPatient) this.#watch.check(waitedMs);
        const end = performance.now() + LOOK_MS;
        while (!this.#advance() && performance.now() < end);
      });
    }
    this.#isDriven = false;
  }

  /** Goes on with what is in progress; whether there is nothing left to do. */
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

  #begin({ stages: [start] }: _Operation): void {
    this.#since = performance.now();
    this.#watch.position++;
    start(this.#request);
  }

  /** Does something whose failure is that of all operations. */
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
