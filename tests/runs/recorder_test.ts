/**
 * Tests of the steps at which TensorBoard is told of a run.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { tf } from "../../src/device/tf.ts";
import type { EpochEnd } from "../../src/train/callbacks.ts";
import { lenet } from "../../src/models/lenet.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { RunFolder } from "../../src/runs/run_folder.ts";
import { makeFolder, namesIn } from "../data/folder.ts";
import { use } from "../device.ts";
import { decodeEvent, PROTOC_OBSTACLE, readRecords } from "../io/events.ts";
import { CONFIG } from "../report/made_run.ts";

const EPOCH: EpochEnd = {
  epoch: 1,
  ...{ loss: 1, trainAccuracy: 0.5, testAccuracy: 0.75, testLoss: 1 },
  ...{ measuredTrainAccuracy: undefined, isPartial: false, steps: 8 },
  ...{ learningRate: 1, seconds: 1, waitSeconds: 0, imagesPerSecond: 1 },
};

// What a resumed run purges begins with the number of steps that are done.
for (const [isPartial, step] of [[false, 7], [true, 8]] as const) {
  Deno.test({
    name:
      `RunFolder tells TensorBoard of an epoch at step ${step} of 8 where isPartial is ${isPartial}${
        PROTOC_OBSTACLE ? ` (ignored, ${PROTOC_OBSTACLE})` : ""
      }`,
    ignore: PROTOC_OBSTACLE !== undefined,
    async fn() {
      await use("cpu");
      await using folder = await makeFolder();
      const net = lenet();
      const training = { net, optimizer: sgd(), stop() {} };
      const run = await RunFolder.create(folder.path, CONFIG);
      await run.callbacks.onEpochEnd!({ ...EPOCH, isPartial }, training);
      run[Symbol.dispose]();
      const file = namesIn(folder.path).find((n) => n.startsWith("events"));
      const records = readRecords(
        await Deno.readFile(`${folder.path}/${file}`),
      );
      const events = await Promise.all(records.map(decodeEvent));
      const told = events.filter((event) => event.includes("tag:"));
      // Five numbers and the filters.
      assertEquals(told.length, 6);
      for (const event of told) assertStringIncludes(event, ` step: ${step} `);
      net.dispose();
      assertEquals(tf.memory().numTensors, 0);
    },
  });
}
