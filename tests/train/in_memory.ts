/** Communicators of one process: what trains together runs interleaved in it, without MPI. */

import { DistributedError } from "../../src/errors.ts";
import type { Communicator, Summable } from "../../src/train/communicator.ts";

type Sendable = Summable | Uint8Array;

/** A call that some or all have made. */
interface Call {
  /** What all have to call alike. */
  readonly signature: string;
  readonly arrays: Sendable[];
  readonly done: PromiseWithResolvers<void>;
}

/** A communicator that remembers what was called. */
export interface InMemory extends Communicator {
  /** Each call so far, for example "allReduce Float32Array 10". */
  readonly calls: readonly string[];
}

/**
 * Connects as many communicators with each other. Their calls meet in the order in which each makes them; float32 is summed in
 * the order of ranks, and float16 in float32. A call that differs from that of another rank in method, type, length or root
 * rejects for all that made it.
 */
export function inMemory(size: number): InMemory[] {
  const pending: Call[][] = Array.from({ length: size }, () => []);
  const arrive = (
    rank: number,
    signature: string,
    { values, finish }: {
      values: Sendable;
      finish: (arrays: readonly Sendable[]) => void;
    },
  ): Promise<void> => {
    let call = pending[rank].shift();
    if (call === undefined) {
      call = { signature, arrays: [], done: Promise.withResolvers() };
      pending.forEach((calls, other) => {
        if (other !== rank) calls.push(call!);
      });
    }
    const { arrays, done } = call;
    arrays[rank] = values;
    if (call.signature !== signature) {
      done.reject(
        new DistributedError(
          `Rank ${rank} called ${signature} where another called ${call.signature}`,
        ),
      );
    } else if (Object.keys(arrays).length === size) {
      finish(arrays);
      done.resolve();
    }
    return done.promise;
  };
  return Array.from({ length: size }, (_, rank) => {
    const calls: string[] = [];
    const begin = (name: string, values: Sendable): string => {
      const call = `${name} ${values.constructor.name} ${values.length}`;
      calls.push(call);
      return call;
    };
    return {
      rank,
      size,
      calls,
      allReduce: (values) =>
        arrive(rank, begin("allReduce", values), { values, finish: sum }),
      broadcast: (values, root) =>
        arrive(rank, begin(`broadcast from ${root}`, values), {
          values,
          finish: (arrays) =>
            arrays.forEach((array) => array.set(arrays[root] as never)),
        }),
    };
  });
}

function sum(arrays: readonly Sendable[]): void {
  const [first] = arrays;
  const sums = first instanceof Int32Array
    ? new Int32Array(first.length)
    : new Float32Array(first.length);
  for (const array of arrays) {
    for (let i = 0; i < sums.length; i++) sums[i] += array[i];
  }
  for (const array of arrays) array.set(sums);
}
