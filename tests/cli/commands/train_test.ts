/** Tests of `train` and of what it leaves for `evaluate`; with devices and libraries hidden, as processes of their own. */

import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  evaluate,
  initBackend,
  lenet,
  loadFashionMnist,
} from "../../../mod.ts";
import { findOneDnn } from "../../../src/device/onednn/library/library.ts";
import { loadCheckpoint, restoreWeights } from "../../../src/io/checkpoint.ts";
import { makeFolder, namesIn } from "../../data/folder.ts";
import { pretendTime } from "../../environment.ts";
import {
  assertOneLineError,
  CPU_DEVICE,
  EPOCH_LINE,
  hasAdapter,
  NO_ADAPTER,
  NO_DEVICE,
  NO_LIBRARY,
  ONE_IMAGE,
  runMain,
  runProgram,
  TINY,
} from "../program.ts";

const adapterFound = await hasAdapter();
/** What is chosen where nothing is asked for. */
const DEVICE = adapterFound && findOneDnn().library === undefined
  ? /^device: WebGPU, /
  : /^device: (WebGPU|CPU), /;

/** Anything but text, line ends and spaces. */
// deno-lint-ignore no-control-regex -- control characters are what it looks for
const CONTROL = /[\x00-\x09\x0b-\x1f\x7f-\x9f]/;

function testAccuracy(text: string): string {
  const match = /test acc (\d\.\d{3})/.exec(text);
  assert(match !== null, text);
  return match[1];
}

/** The loss of saved weights on 64 test images, taken without the program; also checks that they are trained ones. */
async function lossOnCpu(file: string): Promise<number> {
  await initBackend({ device: "cpu" });
  const net = lenet({ seed: 1 });
  const { test } = await loadFashionMnist({
    source: "sample",
    testSamples: 64,
  });
  const untrained = await evaluate(net, test);
  restoreWeights(net, await loadCheckpoint(file));
  const { loss } = await evaluate(net, test);
  net.dispose();
  assert(Math.abs(untrained.loss - loss) > 0.01, `${loss}`);
  return loss;
}

Deno.test("train prints device, layers, recipe and epoch, and evaluate has the same accuracy from its file", async () => {
  await using folder = await makeFolder();
  const file = `${folder.path}/lenet.safetensors`;
  const data = ["--source", "sample", "--test-samples", "64"];
  const trained = await runMain([
    ...["train", "--model", "lenet", "--epochs", "1", ...data],
    ...["--train-samples", "256", "--batch-size", "64", "--seed", "1"],
    ...["--log-every", "2", "--save", file],
  ]);
  assertEquals(trained.code, 0, trained.stderr);
  const { stdout } = trained;
  assertMatch(stdout, DEVICE);
  assertMatch(stdout, /^layer +output +parameters +multiply-adds$/m);
  assertMatch(stdout, /^conv2d_1 +28x28x6 +156 +117,600$/m);
  assertMatch(stdout, /^total +61,706 +416,520$/m);
  assertStringIncludes(
    stdout,
    "\nrecipe: lenet, 256 training and 64 test images at 28x28, batch size 64, SGD, learning rate 0.9, 1 epoch, seed 1\n",
  );
  assertMatch(stdout, EPOCH_LINE);
  assert(stdout.endsWith(`\nsaved ${file}\n`), stdout);

  assertMatch(
    trained.stderr,
    /^estimated training time: .+ for 1 epoch at [\d.]+ images\/s, evaluation not counted$/m,
  );
  const steps = trained.stderr.match(/^epoch 1, step \d+ of 4/gm);
  assertEquals(steps, ["epoch 1, step 2 of 4", "epoch 1, step 4 of 4"]);
  assertMatch(
    trained.stderr,
    /^epoch 1, step 2 of 4, loss \d+\.\d{4}, acc \d\.\d{3}, [\d.]+ images\/s$/m,
  );
  assertEquals(CONTROL.test(trained.stdout + trained.stderr), false);
  assertEquals(namesIn(folder.path), ["lenet.safetensors"]);

  const evaluated = await runMain(["evaluate", file, ...data]);
  assertEquals(evaluated.code, 0, evaluated.stderr);
  assertMatch(
    evaluated.stdout,
    /^device: .+\nlenet, 64 test images, loss \d+\.\d{4}, test acc \d\.\d{3}\n\nclass /,
  );
  assertEquals(testAccuracy(evaluated.stdout), testAccuracy(stdout));

  const loss = /loss (\d+\.\d{4})/.exec(evaluated.stdout)?.[1];
  assertAlmostEquals(Number(loss), await lossOnCpu(file), 1e-3);

  const quiet = await runMain(["evaluate", file, ...data, "--quiet"]);
  assertEquals([quiet.stderr, quiet.stdout], [
    "",
    evaluated.stdout.split("\n")[1] + "\n",
  ]);
});

Deno.test("train --quiet prints the line of the epoch only, the same for the same seed only", async () => {
  const lines: string[] = [];
  for (const seed of ["5", "5", "6"]) {
    const { code, stdout, stderr } = await runMain([
      ...["train", ...TINY, "--device", "cpu", "--quiet", "--log-every", "1"],
      ...["--seed", seed],
    ]);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, EPOCH_LINE);
    assertEquals(stdout.trimEnd().split("\n").length, 1);
    lines.push(stdout.replace(/, time .+/, ""));
  }
  assertEquals(lines[0], lines[1]);
  assertNotEquals(lines[0], lines[2]);
});

Deno.test("train --max-time stops in the middle, evaluates and says so", async () => {
  // Whoever looks at the clock finds a tenth of a second gone.
  using _time = pretendTime(100);
  const { code, stdout, stderr } = await runMain([
    ...["train", ...TINY, "--device", "cpu"],
    ...["--epochs", "50", "--batch-size", "1", "--max-time", "2s"],
  ]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "50 epochs, at most 2 s, seed 0\n");
  assertEquals(stdout.match(/^epoch \d+, loss/gm)?.length, 1);
  assertMatch(stdout, EPOCH_LINE);
  const stop = /^stopped after 2 s as asked, at step (\d+) of 800; .+$/m
    .exec(stdout);
  assert(stop !== null, stdout);
  // An epoch has 16 steps.
  assert(Number(stop[1]) >= 1 && Number(stop[1]) < 16, stop[0]);
});

Deno.test("train --device cpu trains without WebGPU and without a warning", async () => {
  const { code, stdout, stderr } = await runProgram(
    ["train", ...TINY, "--device", "cpu", "--resize", "32"],
    NO_ADAPTER,
  );
  assertEquals([code, stderr], [0, ""]);
  assert(stdout.startsWith(`device: ${CPU_DEVICE}\n`), stdout);
  assertStringIncludes(stdout, "8 test images at 32x32, batch size 8");
  assertMatch(stdout, EPOCH_LINE);
});

for (
  const [what, args, reason] of [
    ["no adapter and no library", [], "no WebGPU adapter was found .+ and ONE"],
    ["no library", ["--device", "cpu"], "ONE"],
  ] as const
) {
  Deno.test(`train warns where there is ${what} and trains in plain JavaScript`, async () => {
    const { code, stdout, stderr } = await runProgram(
      ["train", ...ONE_IMAGE, ...args],
      NO_DEVICE,
    );
    assertEquals(code, 0);
    assertMatch(
      stderr,
      new RegExp(
        `^warning: This runs on the CPU in plain JavaScript, .+, as ${reason}DNN_LIBRARY names "/nonexistent", .+\n$`,
      ),
    );
    assert(stdout.startsWith("device: CPU, plain JavaScript\n"), stdout);
    assertMatch(stdout, EPOCH_LINE);
  });
}

Deno.test({
  name: "train warns where a software adapter is all that there is",
  ignore: !adapterFound,
  async fn() {
    const { code, stdout, stderr } = await runProgram(
      ["train", ...TINY],
      NO_LIBRARY,
    );
    assertEquals(code, 0);
    assertMatch(stdout, /^device: WebGPU, /);
    assertMatch(
      stderr,
      stdout.includes("a software adapter\n")
        ? /^warning: This runs on a software WebGPU adapter, .+, as ONEDNN_LIBRARY names .+\n$/
        : /^$/,
    );
  },
});

Deno.test("train --device webgpu is an error where there is no adapter", async () => {
  assertOneLineError(
    await runProgram(["train", ...TINY, "--device", "webgpu"], NO_ADAPTER),
    { code: 1, message: /no adapter was found: .+, or use the CPU device/ },
  );
});

Deno.test("train --augment erase trains on batches of workers, and says so", async () => {
  const { code, stdout, stderr } = await runMain([
    ...["train", ...TINY, "--augment", "flip,erase", "--workers", "2"],
    ...["--device", "cpu"],
  ]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(
    stdout,
    /^batches: flip .+, erase .+; made on the host, by 2 workers, as the device in use is not WebGPU$/m,
  );
  assertMatch(stdout, EPOCH_LINE);
});

Deno.test("train saves nothing when the loss is no longer a number", async () => {
  await using folder = await makeFolder();
  const { code, stderr } = await runMain([
    ...["train", ...TINY, "--device", "cpu", "--learning-rate", "1e38"],
    ...["--save", `${folder.path}/weights`],
  ]);
  assertMatch(
    stderr,
    /^error: The mean loss became (NaN|Infinity) .+ smaller learning rate, .+\n$/,
  );
  assertEquals([code, namesIn(folder.path)], [1, []]);
});

Deno.test({
  name: "train --precision float16 trains, and says so",
  ignore: !adapterFound,
  async fn() {
    const { code, stdout, stderr } = await runMain([
      ...["train", ...TINY, "--device", "webgpu"],
      ...["--precision", "float16"],
    ]);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^recipe: .+, float16, seed \d+$/m);
    assertMatch(stdout, EPOCH_LINE);
  },
});

Deno.test("train --precision float16 is refused where the device has none", async () => {
  const result = await runMain([
    "train",
    ...TINY,
    "--device",
    "cpu",
    "--precision",
    "float16",
  ]);
  const message = /precision.+float32.+shader-f16/;
  assertOneLineError(result, { code: 2, message });
});
