/** Tests of evaluation against counting by hand. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { tf } from "../../src/device/tf.ts";
import { DataError, ShapeError } from "../../src/errors.ts";
import { lenet } from "../../src/models/lenet.ts";
import type { Progress } from "../../src/train/callbacks.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { assertClose } from "../compare.ts";
import { use, webgpuTest } from "../device.ts";
import { CLASSES, tinyData, tinyNet } from "./tiny.ts";
import * as reference from "../models/reference.ts";

for (const device of ["cpu", "webgpu"] as const) {
  const test = device === "webgpu" ? webgpuTest : Deno.test;
  test(`evaluate() is what counting the predictions gives on ${device}`, async () => {
    await use(device);
    // Dropout, which has to be off; a last batch of two images, which counts as two.
    const net = tinyNet({ rate: 0.9, seed: 2 });
    const data = tinyData({ count: 14 });
    const before = tf.memory().numTensors;
    let [correct, loss, count] = [0, 0, 0];
    for await (const { images, labels } of data) {
      const logits = net.predict(images);
      const values = await logits.data() as Float32Array;
      const expected = await labels.data() as Int32Array;
      logits.dispose();
      expected.forEach((label, n) => {
        const row = values.subarray(n * CLASSES, (n + 1) * CLASSES);
        if (row.indexOf(Math.max(...row)) === label) correct++;
      });
      const shape = [expected.length, CLASSES];
      const head = reference.softmaxCrossEntropy(
        { data: values, shape },
        expected,
      );
      loss += head.loss * expected.length;
      count += expected.length;
    }
    const result = await evaluate(net, data);
    assertEquals(result.accuracy, correct / 14);
    assertEquals(count, 14);
    assertClose([result.loss], [loss / count], { relative: 1e-6 });
    assertEquals(tf.memory().numTensors, before);
    net.dispose();
  });
}

Deno.test("evaluate() reports progress as it goes", async () => {
  await use("cpu");
  const net = tinyNet();
  const events: Progress[] = [];
  const { loss } = await evaluate(net, tinyData({ count: 4 }), {
    epoch: 3,
    onProgress: (event) => {
      events.push(event);
    },
  });
  assert(events.length >= 1);
  const { imagesPerSecond, secondsPerBatch, ...rest } = events[0];
  assertEquals(rest.loss, loss);
  assertEquals([rest.phase, rest.epoch, rest.batch, rest.batches], [
    "evaluate",
    3,
    1,
    1,
  ]);
  assert(rest.accuracy >= 0 && rest.accuracy <= 1);
  assert(imagesPerSecond > 0 && secondsPerBatch > 0);
  net.dispose();
});

Deno.test("evaluate() refuses data without batches and images that do not fit", async () => {
  await use("cpu");
  const before = tf.memory().numTensors;
  const net = tinyNet();
  const empty = { async *[Symbol.asyncIterator]() {} };
  await assertRejects(
    () => evaluate(net, empty),
    DataError,
    "Cannot evaluate as the data has no batches",
  );
  net.dispose();
  const other = lenet();
  await assertRejects(() => evaluate(other, tinyData()), ShapeError);
  other.dispose();
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("evaluate() says that there must be a label for each image", async () => {
  await use("cpu");
  const net = tinyNet();
  const [batch] = await Array.fromAsync(tinyData({ count: 2 }));
  const labels = tf.tensor1d([0, 1, 0], "int32");
  const data = [{ ...batch, labels }];
  await assertRejects(
    () => evaluate(net, data as never),
    ShapeError,
    "expected int32 [2], one per image",
  );
  tf.dispose([batch.images, labels]);
  net.dispose();
});
