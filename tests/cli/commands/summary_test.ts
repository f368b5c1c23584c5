/** Tests of `summary`. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { assertOneLineError, runMain } from "../program.ts";

async function summaryOf(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runMain(["summary", ...args]);
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

/** Kind and output of the layers that compute, in order. */
function shapesIn(table: string): string[] {
  return [...table.matchAll(/^(conv2d|max_pool2d|dense)_\d +(\S+)/gm)]
    .map(([, kind, shape]) => `${kind} ${shape}`);
}

// The shapes of the lecture's network: see issue 2.
Deno.test("summary prints AlexNet with the lecture's shapes and 46,764,746 parameters", async () => {
  const table = await summaryOf();
  assertEquals(shapesIn(table), [
    "conv2d 54x54x96",
    "max_pool2d 26x26x96",
    "conv2d 26x26x256",
    "max_pool2d 12x12x256",
    "conv2d 12x12x384",
    "conv2d 12x12x384",
    "conv2d 12x12x256",
    "max_pool2d 5x5x256",
    "dense 4096",
    "dense 4096",
    "dense 10",
  ]);
  assertMatch(table, /^total +46,764,746 +[\d,]+$/m);
  // 11 * 11 * 96 weights and 96 biases, each weight used at 54 * 54 places.
  assertMatch(table, /^conv2d_1 +54x54x96 +11,712 +33,872,256$/m);
});

Deno.test("summary --model lenet prints 61,706 parameters", async () => {
  const table = await summaryOf("--model", "lenet");
  assertMatch(table, /^conv2d_1 +28x28x6 +156 +117,600$/m);
  assertMatch(table, /^average_pool2d_2 +5x5x16 +0 +0$/m);
  assertMatch(table, /^total +61,706 +416,520$/m);
});

Deno.test("summary --resize changes the shapes", async () => {
  // (100 - 11 + 2 * 1) / 4 + 1 = 23, then (23 - 3) / 2 + 1 = 11.
  assertEquals(shapesIn(await summaryOf("--resize", "100")).slice(0, 2), [
    "conv2d 23x23x96",
    "max_pool2d 11x11x96",
  ]);
});

Deno.test("summary refuses images that are too small for the network", async () => {
  assertOneLineError(await runMain(["summary", "--resize", "5"]), {
    code: 2,
    message:
      /^error: Cannot use --resize 5 with alexnet: it takes images of at least 67 pixels/,
  });
});

Deno.test("summary --augment erase says that batches are made on the host, and why", async () => {
  assertStringIncludes(
    await summaryOf("--model", "lenet", "--augment", "flip,erase"),
    "\nbatches: flip left and right with probability 0.5, erase a random part with probability 0.5, scale to [0, 1]; " +
      'made on the host, as "erase a random part with probability 0.5" is done on the host only\n',
  );
});
