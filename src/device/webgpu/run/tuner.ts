/** Measures the ways of operations and chooses the fastest. */

import type { TunedOperation } from "../../device.ts";
import { type Tensor, tf } from "../../tf.ts";
import { readAs } from "../cast.ts";
import { flush } from "./recorder.ts";
import {
  chooseWays,
  chosenWays,
  type Operation,
  type StoredShape,
  type Trace,
  traceOperations,
  type Way,
} from "./ways.ts";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

/** Times that each way is measured, in turns, as the speed of a machine changes; the median counts. */
const ROUNDS = 5;

/** Share of the usual way's time that another has to save to be chosen: less is noise. */
const LEAST_SAVED = 0.04;

/** A way that took this many times as long as the fastest in the first round is not measured again. */
const HOPELESS = 1.5;

/** Shortest time to measure at once, in milliseconds: waiting for the device costs Deno about 11. */
const MIN_MS = 100;

/** Most runs to measure at once. */
const MOST_REPEATS = 1024;

/** Tunes every operation that some work runs and that has several ways. What is chosen holds from then on. */
export async function* tuneOperations(
  backend: WebGPUBackend,
  work: () => void,
  isKnown: (operation: { key: string; ways: readonly string[] }) => boolean,
): AsyncGenerator<TunedOperation> {
  const done = new Set<string>();
  for (const trace of allOf(traceOperations(work))) yield* tune(trace);

  async function* tune(trace: Trace): AsyncGenerator<TunedOperation> {
    const { key, operation, options } = trace;
    const ways = operation.ways.filter(({ fits }) => fits === true);
    if (ways.length < 2 || done.has(key)) return;
    if (isKnown({ key, ways: ways.map(({ name }) => name) })) return;
    done.add(key);
    const tensors = standIns(backend, operation, trace.tensors);
    const run = (way: Way) =>
      backend.disposeData(way.run(backend, tensors, options).dataId);
    try {
      // What a way is made of is tuned before the way.
      for (const way of ways) {
        for (const part of allOf(traceOperations(() => run(way)))) {
          yield* tune(part);
        }
      }
      const times = await measure(backend, ways, run);
      const usual = ways[0].name;
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

/** Operations that ran, and those that they consist of. */
function allOf(parts: Trace["parts"]): Trace[] {
  return parts.flatMap((part) =>
    "code" in part ? [] : [part, ...allOf(part.parts)]
  );
}

/** Measures ways in turns, the usual first: milliseconds of each that has a chance. */
async function measure(
  backend: WebGPUBackend,
  ways: readonly Way[],
  run: (way: Way) => void,
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
      if (way !== ways[0] && all[0] > HOPELESS * fastest) continue;
      all.push(await time(backend, repeat) / repeats);
    }
  }
  return new Map(entrants.map(({ way, all }) => [way.name, median(all)]));
}

/** The fastest way, if it saves enough. */
function choose(times: ReadonlyMap<string, number>, usual: string): string {
  const [fastest, ms] = [...times].sort(([, a], [, b]) => a - b)[0];
  return ms < times.get(usual)! * (1 - LEAST_SAVED) ? fastest : usual;
}

/** Tensors of the same shapes and types, filled by the operation's `sample` or else with random numbers; int32 ones hold 0. */
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
