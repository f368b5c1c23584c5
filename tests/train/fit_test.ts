/** Tests of the trainer: what it returns, what it tells callbacks and what it frees, on the CPU backend. */

import { assert, assertEquals } from "@std/assert";
import { tf } from "../../src/device/tf.ts";
import type { Optimizer } from "../../src/optim/optimizer.ts";
import { sgd } from "../../src/optim/sgd.ts";
import type { EpochEnd, Progress, StepEnd } from "../../src/train/callbacks.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { fit } from "../../src/train/fit.ts";
import { assertClose } from "../compare.ts";
import { use } from "../device.ts";
import { tinyData, tinyNet } from "./tiny.ts";

Deno.test("fit() records each epoch and leaves nothing behind", async () => {
  await use("cpu");
  const before = tf.memory().numTensors;
  const net = tinyNet();
  const validation = tinyData({ count: 7 });
  const history = await fit(net, tinyData(), { epochs: 3, validation });
  assertEquals([history.steps, history.stopped], [15, "completed"]);
  assertEquals(history.epochs.map(({ epoch }) => epoch), [1, 2, 3]);
  for (const record of history.epochs) {
    assert(record.loss > 0 && record.seconds > 0 && record.imagesPerSecond > 0);
    assert(record.trainAccuracy >= 0 && record.trainAccuracy <= 1);
  }
  const { accuracy } = await evaluate(net, validation);
  assertEquals(history.epochs[2].testAccuracy, accuracy);
  net.dispose();
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("fit() goes once through the data, without validation, by default", async () => {
  await use("cpu");
  const net = tinyNet();
  const { epochs, steps } = await fit(net, tinyData());
  assertEquals([epochs.length, steps], [1, 5]);
  assertEquals(epochs[0].testAccuracy, undefined);
  net.dispose();
});

Deno.test("fit() calls back in order, with what the step computed", async () => {
  await use("cpu");
  const net = tinyNet();
  const calls: string[] = [];
  const losses: number[] = [];
  const correct: number[] = [];
  const records: EpochEnd[] = [];
  const seen: StepEnd[] = [];
  const history = await fit(net, tinyData({ count: 10 }), {
    epochs: 2,
    validation: tinyData({ count: 4 }),
    logEvery: 1,
    callbacks: [
      {
        async onStepEnd(event) {
          for (const { loss, correct } of seen) {
            assert(loss.isDisposed && correct.isDisposed, "freed since");
          }
          seen.push(event);
          calls.push(`step ${event.step} of epoch ${event.epoch}`);
          await new Promise((resolve) => setTimeout(resolve, 5));
          assertEquals([event.loss.dtype, event.correct.dtype], [
            "float32",
            "int32",
          ]);
          losses.push((await event.loss.data())[0]);
          correct.push((await event.correct.data())[0]);
        },
        onEpochEnd(event) {
          calls.push(`end of epoch ${event.epoch}`);
          records.push(event);
        },
      },
      {
        onStepEnd: ({ loss }) => {
          assert(!loss.isDisposed);
          calls.push("second");
        },
      },
    ],
  });
  assertEquals(
    calls,
    [1, 2].flatMap((epoch) => [
      ...[0, 1, 2].flatMap((batch) => [
        `step ${3 * (epoch - 1) + batch} of epoch ${epoch}`,
        "second",
      ]),
      `end of epoch ${epoch}`,
    ]),
  );
  assertEquals(records, [...history.epochs]);
  assert(
    seen.every(({ loss, correct }) => loss.isDisposed && correct.isDisposed),
  );
  // Batches of 4, 4 and 2 images count by their size.
  records.forEach(({ loss, trainAccuracy }, i) => {
    const [a, b, c] = losses.slice(3 * i);
    assertClose([loss], [(4 * a + 4 * b + 2 * c) / 10], { relative: 1e-6 });
    const sum = correct.slice(3 * i, 3 * i + 3).reduce((x, y) => x + y);
    assertEquals(trainAccuracy, sum / 10);
  });
  net.dispose();
});

Deno.test("fit() reports progress at every logEvery steps of each epoch, and while it evaluates", async () => {
  await use("cpu");
  const net = tinyNet();
  const events: Progress[] = [];
  // 5 steps an epoch, which logEvery does not divide.
  await fit(net, tinyData(), {
    epochs: 2,
    validation: tinyData({ count: 4 }),
    logEvery: 2,
    callbacks: [{ onProgress: (event) => void events.push(event) }],
  });
  const trained = events.filter(({ phase }) => phase === "train");
  for (const [epoch, batch] of [[1, 2], [1, 4], [2, 2], [2, 4]]) {
    assert(
      trained.some((e) => e.epoch === epoch && e.batch === batch),
      `no progress at batch ${batch} of epoch ${epoch}`,
    );
  }
  assert(
    events.every(({ batches, phase }) =>
      batches === (phase === "train" ? 5 : 1)
    ),
  );
  assert(events.every(({ loss }) => Number.isFinite(loss)));
  assertEquals(
    events.filter(({ phase }) => phase === "evaluate").map((e) => e.epoch)
      .at(0),
    1,
  );
  net.dispose();
});

Deno.test("fit() leaves a given optimizer to its owner", async () => {
  await use("cpu");
  const net = tinyNet();
  let disposed = 0;
  const inner = sgd({ momentum: 0.9 });
  const optimizer: Optimizer = {
    ...inner,
    dispose() {
      disposed++;
      inner.dispose();
    },
  };
  const before = tf.memory().numTensors;
  await fit(net, tinyData(), { optimizer });
  assertEquals(disposed, 0);
  assertEquals(tf.memory().numTensors, before + net.getWeights().length);
  optimizer.dispose();
  net.dispose();
});
