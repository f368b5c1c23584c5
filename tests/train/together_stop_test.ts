/** Tests of how training in several processes ends before its last epoch: all at the same step, whoever asks. */

import { assert, assertEquals } from "@std/assert";
import { sgd } from "../../src/optim/sgd.ts";
import type { BatchSource } from "../../src/train/batch_source.ts";
import type { Callbacks } from "../../src/train/callbacks.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import type { FitOptions } from "../../src/train/fit.ts";
import { pretendTime } from "../environment.ts";
import { use } from "../device.ts";
import { inMemory } from "./in_memory.ts";
import { tinyData, tinyNet } from "./tiny.ts";
import {
  type TogetherRun,
  trainAlone,
  type Trained,
  trainTogether,
} from "./together_runs.ts";

const SIZE = 3;

/** 2 epochs of 5 steps, whose states process 0 keeps. */
function runOf(own: TogetherRun["own"]): TogetherRun {
  return {
    net: () => tinyNet({ rate: 0.3 }),
    optimizer: () => sgd({ learningRate: 0.5 }),
    data: tinyData({ shuffle: true }),
    validation: tinyData({ count: 7 }),
    epochs: 2,
    isKept: true,
    own,
  };
}

/** All processes ended alike. */
function checkAlike(all: readonly Trained[]): void {
  for (const { losses, weights, history } of all) {
    assertEquals(losses, all[0].losses);
    assertEquals(weights, all[0].weights);
    assertEquals(history.steps, all[0].history.steps);
    assertEquals(history.stopped, all[0].history.stopped);
    assertEquals(history.epochs.length, all[0].history.epochs.length);
  }
}

/** Begins something in one process, at the end of a step. */
function atStep(
  step: number,
  begin: NonNullable<Callbacks["onStepEnd"]>,
): Callbacks {
  return {
    onStepEnd: (event, training) =>
      event.step === step ? begin(event, training) : undefined,
  };
}

for (const asking of [0, 2]) {
  Deno.test(`fit() stops all processes at the end of the step in which process ${asking} calls stop()`, async () => {
    await use("plain");
    const all = await trainTogether(
      SIZE,
      runOf((rank) =>
        rank === asking
          ? { callbacks: [atStep(6, (_, training) => training.stop())] }
          : {}
      ),
    );
    checkAlike(all);
    const [{ history, states }] = all;
    assertEquals([history.stopped, history.steps], ["stopped", 7]);
    assertEquals(history.epochs.map((e) => e.isPartial), [false, true]);
    assert(history.epochs[1].testAccuracy !== undefined);
    assertEquals(states.at(-1)?.progress.step, 7);
  });

  Deno.test(`fit() ends all processes when the signal of process ${asking} is aborted, and goes on from there`, async () => {
    await use("plain");
    const controller = new AbortController();
    const run = runOf((rank) =>
      rank === asking
        ? {
          signal: controller.signal,
          callbacks: [atStep(6, () => controller.abort())],
        }
        : {}
    );
    const all = await trainTogether(SIZE, run);
    checkAlike(all);
    const [{ history, states, losses }] = all;
    assertEquals([history.stopped, history.steps], ["aborted", 7]);
    assertEquals(history.epochs.length, 1);
    const resume = states.at(-1);
    assertEquals(resume?.progress.step, 7);
    const rest = await trainTogether(SIZE, {
      ...runOf((rank) => rank === 0 ? { resume } : {}),
    });
    const whole = await trainTogether(SIZE, runOf(() => ({})));
    assertEquals([...losses, ...rest[0].losses], whole[0].losses);
    assertEquals(rest[1].weights, whole[1].weights);
  });
}

Deno.test("fit() ends all processes when the signal of one is aborted during evaluation, and keeps the state", async () => {
  await use("plain");
  const controller = new AbortController();
  const batches = tinyData({ count: 7 });
  const validation: BatchSource = {
    async *[Symbol.asyncIterator]() {
      for await (const batch of batches) {
        controller.abort();
        yield batch;
      }
    },
  };
  const all = await trainTogether(
    SIZE,
    runOf((rank) =>
      rank === 1 ? { signal: controller.signal, validation } : {}
    ),
  );
  checkAlike(all);
  const [{ history, states }] = all;
  assertEquals([history.stopped, history.steps], ["aborted", 5]);
  assertEquals([history.epochs.length, states.at(-1)?.progress.step], [0, 5]);
});

Deno.test("fit() stops all processes at the end of the step in which the time of one is up", async () => {
  await use("plain");
  using clock = pretendTime();
  const wait: FitOptions = {
    maxTimeMs: 1000,
    callbacks: [atStep(2, () => void (clock.ms += 1001))],
  };
  const all = await trainTogether(
    SIZE,
    runOf((rank) => rank === 1 ? wait : {}),
  );
  checkAlike(all);
  const [{ history }] = all;
  assertEquals([history.stopped, history.steps], ["max-time", 3]);
  assertEquals(history.epochs.length, 1);
});

Deno.test("fit() does all epochs where nobody asks for an end, as one process does", async () => {
  await use("plain");
  const run = runOf(() => ({ signal: new AbortController().signal }));
  const all = await trainTogether(SIZE, run);
  checkAlike(all);
  const alone = await trainAlone(run);
  assertEquals(all[0].history.stopped, "completed");
  assertEquals(all[0].history.steps, alone.history.steps);
});

Deno.test("evaluate() ends in all processes when the signal of one is aborted", async () => {
  await use("plain");
  const net = tinyNet();
  const communicators = inMemory(SIZE);
  const reasons = await Promise.all(
    communicators.map((communicator, rank) =>
      evaluate(net, tinyData(), {
        communicator,
        signal: rank === 1 ? AbortSignal.abort("enough") : undefined,
      }).catch((reason) => reason)
    ),
  );
  assertEquals(reasons[1], "enough");
  for (const rank of [0, 2]) {
    const reason = reasons[rank];
    assert(reason instanceof DOMException, `${reason}`);
    assertEquals(reason.name, "AbortError");
  }
  net.dispose();
});
