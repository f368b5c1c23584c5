/**
 * Tests of `tune`, and of what other commands do with what it found, as processes of their own with a cache of their own.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { makeFolder, namesIn } from "../data/folder.ts";
import {
  denoDir,
  EPOCH_LINE,
  hasAdapter,
  NO_ADAPTER,
  runProgram,
  TINY,
} from "./program.ts";

const adapterFound = await hasAdapter();
if (!adapterFound) console.log("Tests of tune are ignored: no WebGPU adapter");

/** Arguments of a training on what is tuned. */
const TRAIN = ["train", ...TINY, "--device", "webgpu"];

/** Arguments for the smallest step that there is. */
const STEP = ["--model", "lenet", "--batch-size", "8"];

Deno.test({
  name: "tune measures once, and doctor, train and evaluate use what it found",
  ignore: !adapterFound,
  async fn() {
    await using folder = await makeFolder();
    const env = { XDG_CACHE_HOME: folder.path, DENO_DIR: await denoDir() };
    const tuned = `${folder.path}/alexnet/tuning`;
    const first = await runProgram(["tune", ...STEP], env);
    assertEquals([first.code, first.stderr], [0, ""]);
    assertMatch(first.stdout, /^device: WebGPU, .+$/m);
    assertMatch(first.stdout, /^tuning a step of lenet, 8 images$/m);
    const lines = first.stdout.matchAll(/^matmul,\S+: \d+x\d+.*, [\d.]+ ms/gm);
    const count = [...lines].length;
    assert(count >= 9, first.stdout);
    assertMatch(
      first.stdout,
      new RegExp(`\n${count} operations measured, \\d+ of them .+\n$`),
    );
    const files = namesIn(tuned);
    assertEquals(files.length, 1);
    assertMatch(files[0], /^[0-9a-f]{16}\.json$/);

    const second = await runProgram(["tune", ...STEP, "--quiet"], env);
    assertEquals([second.code, second.stderr], [0, ""]);
    assertMatch(second.stdout, /^everything had been measured before: .+\n$/);

    const doctor = await runProgram(["doctor", "--source", "sample"], env);
    assertMatch(
      doctor.stdout,
      new RegExp(`^tuned +${count} operations, \\d+ of them`, "m"),
    );
    const train = await runProgram(TRAIN, env);
    assertEquals([train.code, train.stderr], [0, ""]);

    // As another program, or a crash of an older version, might leave it.
    await Deno.writeTextFile(`${tuned}/${files[0]}`, "{");
    const broken = await runProgram([...TRAIN, "--quiet"], env);
    assertEquals(broken.code, 0);
    assertMatch(broken.stdout, EPOCH_LINE);
    assertMatch(broken.stderr, /^warning: ignored .+ it is not JSON; .+\n$/);
    const note = await runProgram(["doctor", "--source", "sample"], env);
    assertEquals([note.code, note.stderr], [0, ""]);
    assertMatch(note.stdout, /^note: ignored .+ it is not JSON; .+$/m);

    const anew = await runProgram([...TRAIN, "--tune"], env);
    assertEquals(anew.code, 0);
    assertMatch(anew.stdout, /^matmul,\S+: .+$/m);
    assertMatch(anew.stdout, EPOCH_LINE);
    const after = await runProgram([...TRAIN, "--quiet"], env);
    assertEquals([after.code, after.stderr], [0, ""]);
    assertEquals(namesIn(tuned), files);
  },
});

Deno.test("tune says that there is no adapter, and train --tune trains without", async () => {
  const { code, stdout, stderr } = await runProgram(
    ["tune", ...STEP],
    NO_ADAPTER,
  );
  assertEquals([code, stdout], [1, ""]);
  assertMatch(
    stderr,
    /^error: Cannot tune as no WebGPU adapter was found: .+\n$/,
  );
  const train = await runProgram([
    ...["train", ...TINY],
    ...["--device", "cpu", "--tune", "--quiet"],
  ]);
  assertEquals([train.code, train.stderr], [0, ""]);
  assertMatch(train.stdout, EPOCH_LINE);
});
