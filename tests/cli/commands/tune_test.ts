/** Tests of `tune`, and of what other commands do with what it found, with a cache of their own. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { tf } from "../../../src/device/tf.ts";
import { chosenWays } from "../../../src/device/webgpu/run/ways.ts";
import { makeFolder, namesIn } from "../../data/folder.ts";
import { webgpuTest } from "../../device.ts";
import { pretendTime } from "../../environment.ts";
import {
  cacheIn,
  EPOCH_LINE,
  NO_ADAPTER,
  runMain,
  runProgram,
  TINY,
} from "../program.ts";

/** Arguments of a training on what is tuned. */
const TRAIN = ["train", ...TINY, "--device", "webgpu"];

/** Arguments for the smallest step that there is. */
const STEP = ["--model", "lenet", "--batch-size", "8"];

/**
 * A time that is long enough to be measured: each way then runs no more often than it has to, however fast it is. As all ways
 * take as long, the usual ones are chosen.
 */
const RUN_MS = 100;

/** How many operations are computed in ways that were chosen. */
function numChosen(): number {
  return chosenWays(tf.backend() as WebGPUBackend).size;
}

webgpuTest(
  "tune measures once, and doctor and train use what it found",
  async () => {
    await using folder = await makeFolder();
    const env = await cacheIn(folder.path);
    const tuned = `${folder.path}/alexnet/tuning`;
    const runTimed = async (args: readonly string[]) => {
      using _time = pretendTime(RUN_MS);
      return await runMain(args, env);
    };
    const first = await runTimed(["tune", ...STEP]);
    assertEquals([first.code, first.stderr], [0, ""]);
    assertMatch(first.stdout, /^device: WebGPU, .+$/m);
    assertMatch(first.stdout, /^tuning a step of lenet, 8 images$/m);
    const lines = first.stdout.matchAll(
      /^(?:matmul|conv2d)\b.*: \d+x\d+.*, [\d.]+ ms$/gm,
    );
    const count = [...lines].length;
    assert(count >= 14, first.stdout);
    assertMatch(
      first.stdout,
      new RegExp(`\n${count} operations measured, 0 of them .+\n$`),
    );
    const files = namesIn(tuned);
    assertEquals(files.length, 1);
    assertMatch(files[0], /^[0-9a-f]{16}\.json$/);

    const second = await runMain(["tune", ...STEP, "--quiet"], env);
    assertEquals([second.code, second.stderr], [0, ""]);
    assertMatch(second.stdout, /^everything had been measured before: .+\n$/);

    const doctor = await runMain(["doctor", "--source", "sample"], env);
    assertMatch(
      doctor.stdout,
      new RegExp(`^tuned +${count} operations, \\d+ of them`, "m"),
    );

    const kernels = await runMain(["doctor", "--kernels", ...STEP], env);
    assertEquals([kernels.code, kernels.stderr], [0, ""]);
    const measured = kernels.stdout.match(/: \d+x\d+.*, [\d.]+ ms; or /g);
    assertEquals(measured?.length, count);

    const train = await runMain(TRAIN, env);
    assertEquals([train.code, train.stderr], [0, ""]);
    assertEquals(numChosen(), count);

    // As another program, or a crash of an older version, might leave it.
    await Deno.writeTextFile(`${tuned}/${files[0]}`, "{");
    const broken = await runMain([...TRAIN, "--quiet"], env);
    assertEquals(broken.code, 0);
    assertMatch(broken.stdout, EPOCH_LINE);
    assertMatch(broken.stderr, /^warning: ignored .+ it is not JSON; .+\n$/);
    assertEquals(numChosen(), 0);
    const note = await runMain(["doctor", "--source", "sample"], env);
    assertEquals([note.code, note.stderr], [0, ""]);
    assertMatch(note.stdout, /^note: ignored .+ it is not JSON; .+$/m);

    const anew = await runTimed([...TRAIN, "--tune"]);
    assertEquals(anew.code, 0);
    assertMatch(anew.stdout, /^matmul,\S+: .+$/m);
    assertMatch(anew.stdout, EPOCH_LINE);
    const after = await runMain([...TRAIN, "--quiet"], env);
    assertEquals([after.code, after.stderr], [0, ""]);
    assertEquals(numChosen(), count);
    assertEquals(namesIn(tuned), files);
  },
);

Deno.test("tune says that there is no adapter, and train --tune trains without", async () => {
  const { code, stdout, stderr } = await runProgram(
    ["tune", ...STEP],
    NO_ADAPTER,
  );
  assertEquals([code, stdout], [1, ""]);
  assertMatch(
    stderr,
    /^error: Cannot use WebGPU as no adapter was found: .+\n$/,
  );
  const train = await runMain([
    ...["train", ...TINY],
    ...["--device", "cpu", "--tune", "--quiet"],
  ]);
  assertEquals([train.code, train.stderr], [0, ""]);
  assertMatch(train.stdout, EPOCH_LINE);
});
