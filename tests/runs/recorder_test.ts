/**
 * Tests of the steps at which TensorBoard is told of a run.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { tf } from "../../src/device/tf.ts";
import type { EpochEnd } from "../../src/train/callbacks.ts";
import { EventLog } from "../../src/runs/recorder.ts";
import { lenet } from "../../src/models/lenet.ts";
import { makeFolder } from "../data/folder.ts";
import { use } from "../device.ts";
import { decodeEvent, PROTOC_OBSTACLE, readRecords } from "../io/events.ts";

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
      `EventLog.epoch() is at step ${step} of 8 where isPartial is ${isPartial}${
        PROTOC_OBSTACLE ? ` (ignored, ${PROTOC_OBSTACLE})` : ""
      }`,
    ignore: PROTOC_OBSTACLE !== undefined,
    async fn() {
      await use("cpu");
      await using folder = await makeFolder();
      const net = lenet();
      const log = await EventLog.open(folder.path, 0);
      await log.epoch({ ...EPOCH, isPartial }, net);
      const records = readRecords(await Deno.readFile(log.path));
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
