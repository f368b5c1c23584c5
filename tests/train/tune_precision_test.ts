/**
 * Tests of tuning a step in float16.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { OptionError } from "../../src/errors.ts";
import { chooseWays } from "../../src/device/webgpu/run/ways.ts";
import { dense, flatten } from "../../src/nn/dense.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { tune } from "../../src/train/tune.ts";
import type { TunedOperation } from "../../src/device/device.ts";
import { makeFolder } from "../data/folder.ts";
import { use, webgpuTest } from "../device.ts";
import { pretendTime } from "../environment.ts";
import { webgpuBackend } from "../device/webgpu/run.ts";

/** Fails if there is a warning. */
function onWarning(message: string): never {
  throw new Error(message);
}

webgpuTest(
  "tune() in float16 tunes operations of float16 for themselves",
  async () => {
    await using folder = await makeFolder();
    await use("webgpu");
    const net = new Sequential({
      inputShape: [2, 2, 8],
      layers: [flatten(), dense({ units: 16 }), dense({ units: 12 })],
    });
    const options = { batchSize: 8, dir: folder.path, onWarning };
    using _clock = pretendTime(150);
    const keysOf = (all: readonly TunedOperation[]) =>
      all.map(({ key }) => key);
    const halves = keysOf(
      await tune(net, { ...options, precision: "float16" }),
    );
    assert(
      halves.length > 0 && halves.every((key) => key.endsWith(",float16")),
    );
    const floats = keysOf(await tune(net, options));
    assertEquals(floats.map((key) => `${key},float16`).sort(), halves.sort());
    chooseWays(await webgpuBackend(), new Map());
    net.dispose();
  },
);

Deno.test("tune() refuses float16 on the CPU", async () => {
  await use("cpu");
  const net = new Sequential({
    inputShape: [2, 2, 1],
    layers: [flatten(), dense({ units: 3 })],
  });
  await assertRejects(
    () => tune(net, { batchSize: 8, precision: "float16" }),
    OptionError,
    "shader-f16",
  );
  net.dispose();
});
