/**
 * Measures the ways of operations and chooses the fastest.
 *
 * @module
 */

import type { TunedOperation } from "../../device.ts";
import { type Tensor, tf } from "../../tf.ts";
import { readAs } from "../cast.ts";
import { flush, type StoredType, storedType } from "./recorder.ts";
import {
  chooseWays,
  chosenWays,
  observeOperations,
  type Operation,
} from "./ways.ts";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

/** Times that each way is measured, in turns, as the speed of a machine changes; the median counts. */
const ROUNDS = 5;

/** Share of the usual way's time that another has to save to be chosen: less is noise. */
const LEAST_SAVED = 0.04;

/** Times the fastest way's time in the first round beyond which a way is not measured again. */
const HOPELESS = 1.5;

/** Shortest time to measure at once, in milliseconds: waiting for the device costs Deno about 11. */
const MIN_MS = 100;

/** Most runs to measure at once. */
const MOST_REPEATS = 1024;

/** An operation to tune, with the tensors that stand in for its own. */
interface Candidate {
  readonly operation: Operation;
  readonly shapes: readonly StoredShape[];
}

/** Shape of a tensor, and what it stores. */
interface StoredShape {
  readonly shape: number[];
  readonly stored: StoredType;
}

/** Tunes every operation that some work runs. What is chosen holds from then on. */
export async function* tuneOperations(
  backend: WebGPUBackend,
  work: () => void,
  isKnown: (operation: Operation) => boolean,
): AsyncGenerator<TunedOperation> {
  const done = new Set<string>();
  const watch = (run: () => void): Candidate[] => {
    const found = new Map<string, Candidate>();
    observeOperations(backend, run, (operation, tensors) => {
      const { key } = operation;
      const shapes = tensors.map((tensor) => ({
        shape: tensor.shape,
        stored: storedType(backend, tensor),
      }));
      if (done.has(key) || isKnown(operation) || found.has(key)) return;
      found.set(key, { operation, shapes });
    });
    return [...found.values()];
  };

  async function* tune(
    candidates: Candidate[],
  ): AsyncGenerator<TunedOperation> {
    for (const { operation, shapes } of candidates) {
      const { key, ways, usual } = operation;
      if (done.has(key)) continue;
      done.add(key);
      const tensors = standIns(backend, operation, shapes);
      try {
        const run = (way: string) => {
          backend.disposeData(operation.run(way, tensors).dataId);
        };
        // What a way is made of is tuned before the way.
        for (const way of ways) yield* tune(watch(() => run(way)));
        const times = await measure(backend, { ways, usual, run });
        const best = choose(times, usual);
        const chosen = [...chosenWays(backend), [key, best] as const];
        chooseWays(backend, new Map(chosen));
        const [ms, usualMs] = [times.get(best)!, times.get(usual)!];
        yield { key, way: best, ms, usual, usualMs };
      } finally {
        tf.dispose(tensors);
      }
    }
  }

  yield* tune(watch(work));
}

/** Measures ways in turns: milliseconds of each that has a chance. */
async function measure(
  backend: WebGPUBackend,
  { ways, usual, run }: {
    ways: readonly string[];
    usual: string;
    run: (way: string) => void;
  },
): Promise<Map<string, number>> {
  const entrants = [];
  for (const way of ways) {
    // Once to compile.
    run(way);
    let repeats = 1;
    const repeat = () => {
      for (let i = 0; i < repeats; i++) run(way);
    };
    while (
      repeats < MOST_REPEATS && await time(backend, repeat) < MIN_MS
    ) repeats *= 2;
    entrants.push({ way, repeat, repeats, all: [] as number[] });
  }
  for (let round = 0; round < ROUNDS; round++) {
    const fastest = Math.min(...entrants.flatMap(({ all }) => all));
    for (const { way, repeat, repeats, all } of entrants) {
      if (way !== usual && all[0] > HOPELESS * fastest) continue;
      all.push(await time(backend, repeat) / repeats);
    }
  }
  return new Map(entrants.map(({ way, all }) => [way, median(all)]));
}

/** The fastest way, if it saves enough. */
function choose(times: ReadonlyMap<string, number>, usual: string): string {
  const [fastest, ms] = [...times].sort(([, a], [, b]) => a - b)[0];
  return ms < times.get(usual)! * (1 - LEAST_SAVED) ? fastest : usual;
}

/** Tensors of the same shapes and types, of what the operation gives or else random numbers; indices are 0. */
function standIns(
  backend: WebGPUBackend,
  { sample }: Operation,
  shapes: readonly StoredShape[],
): Tensor[] {
  return shapes.map(({ shape, stored }, i) => {
    const values = sample?.(i);
    if (values !== undefined) return tf.tensor(values, shape, "int32");
    if (stored === "int32") return tf.zeros(shape, "int32");
    const type = stored === "float16" ? stored : "float32";
    return tf.tidy(() => readAs(backend, tf.randomUniform(shape, -1, 1), type));
  });
}

async function time(backend: WebGPUBackend, run: () => void): Promise<number> {
  await finish(backend);
  const start = performance.now();
  run();
  await finish(backend);
  return performance.now() - start;
}

async function finish(backend: WebGPUBackend): Promise<void> {
  flush(backend);
  await backend.device.queue.onSubmittedWorkDone();
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
