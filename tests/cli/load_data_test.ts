/**
 * Tests of `--augment` with a change that is made on the host only.
 *
 * @module
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { EPOCH_LINE, runMain, TINY } from "./program.ts";

/** The descriptions of two changes, and why not on the device. */
const CHANGES =
  "flip left and right with probability 0.5, erase a random part with probability 0.5";
const REASON =
  '"erase a random part with probability 0.5" is done on the host only';

Deno.test("summary --augment erase says that batches are made on the host, and why", async () => {
  const { code, stdout, stderr } = await runMain([
    ...["summary", "--model", "lenet", "--augment", "flip,erase"],
  ]);
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(
    stdout,
    `\nbatches: ${CHANGES}, scale to [0, 1]; made on the host, as ${REASON}\n`,
  );
});

Deno.test("train --augment erase trains on batches of workers, and says so", async () => {
  const { code, stdout, stderr } = await runMain([
    ...["train", ...TINY, "--augment", "flip,erase", "--workers", "2"],
    ...["--device", "cpu"],
  ]);
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(
    stdout,
    `\nbatches: ${CHANGES}, scale to [0, 1]; made on the host, by 2 workers, as the device in use is not WebGPU\n`,
  );
  assertMatch(stdout, EPOCH_LINE);
});
