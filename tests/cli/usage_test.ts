/**
 * Tests of command lines that cannot be understood, and of what is said of them.
 *
 * @module
 */

import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { checkWritable, didYouMean, UsageError } from "../../src/cli/usage.ts";
import { makeFolder, namesIn } from "../data/folder.ts";
import { assertOneLineError, runMain, runProgram } from "./program.ts";

const REFUSED: [line: string, message: RegExp][] = [
  ["trian", /Unknown command trian: did you mean train\?; see --help$/m],
  [
    "train --epoch 3",
    /Unknown option --epoch: did you mean --epochs\?; see train --help$/m,
  ],
  ["train --bach-size=3", /--bach-size: did you mean --batch-size\?/],
  ["train --no-quiet", /Unknown option --no-quiet: did you mean --quiet\?/],
  ["train -x", /Unknown option -x/],
  ["summary --modle lenet", /--modle: did you mean --model\?; see summary/],
  ["train --epochs", /--epochs needs a value: --epochs N; see train --help$/m],
  ["train --epochs=", /--epochs needs a value: --epochs N; see train --help$/m],
  ["train --quiet=false", /--quiet takes no value: leave out "=false"/],
  [
    "train --seed -1",
    /--seed .+ an integer of at least 0: current value is "-1"/,
  ],
  ["train --dropout 1 --source sample", /Cannot use --dropout as it must be/],
  ["train --resize 100000", /--resize .+ an integer from 1 to 1024/],
  ["data fetch --source sample", /nothing to do with --source sample/],
  ["train --save --quiet", /--save needs a value: --save FILE/],
  [
    "train --batch-size 0",
    /--batch-size .+ an integer of at least 1: current value is "0"/,
  ],
  ["train --epochs 1.5", /--epochs .+ an integer of at least 1/],
  [
    "train --max-time 5x",
    /--max-time .+ such as 90s, 10m or 1h30m: current value is "5x"/,
  ],
  [
    "train --preset fast",
    /--preset .+ one of lecture, quick: current value is "fast"/,
  ],
  ["train --device gpu", /--device .+ one of auto, webgpu, cpu/],
  ["train --learning-rate much", /--learning-rate .+ must be a number/],
  ["train --learning-rate 0", /--learning-rate .+ above 0/],
  ["train --momentum 1", /--momentum .+ below 1/],
  ["train --weight-decay=-1", /--weight-decay .+ at least 0/],
  [
    "train --optimizer adm",
    /--optimizer .+ one of sgd, adam: .+ \(did you mean adam\?\)/,
  ],
  [
    "train --optimizer adam --momentum 0.9",
    /Cannot use --momentum with --optimizer adam, .+ leave it out; see train/,
  ],
  [
    "lr-find --optimizer adam --momentum 0.9",
    /Cannot use --momentum with --optimizer adam, .+; see lr-find --help$/m,
  ],
  ["train --schedule cosin", /--schedule .+ \(did you mean cosine\?\)/],
  [
    "train --schedule one-cycle --warmup-epochs 1",
    /Cannot use --warmup-epochs with --schedule one-cycle, which warms up/,
  ],
  [
    "train --schedule plateau --warmup-epochs 1",
    /Cannot use --warmup-epochs with --schedule plateau, .+ leave one/,
  ],
  [
    "train --epochs 3 --warmup-epochs 4",
    /--warmup-epochs .+ at least 0 and at most 3: current value is 4/,
  ],
  ["train --clip-norm 0", /--clip-norm .+ above 0: current value is 0/],
  ["train --early-stopping 0", /--early-stopping .+ an integer of at least 1/],
  ["lr-find --learning-rate 1", /Unknown option --learning-rate/],
  ["train --seed 4294967296", /--seed .+ from 0 to 4294967295/],
  [
    "train --source sample --train-samples 2001",
    /--train-samples .+ from 1 to 2000/,
  ],
  ["train more", /Unexpected argument "more" after train; see train --help$/m],
  [
    "train --save /nonexistent/file",
    /--save \/nonexistent\/file as there is no folder \/nonexistent/,
  ],
  ["evaluate", /evaluate needs one CHECKPOINT/],
  ["evaluate one two", /evaluate needs one CHECKPOINT/],
  ["report", /report needs one RUN: a folder that `train --out RUN` wrote/],
  ["report one two", /report needs one RUN/],
  [
    "report run --output /nonexistent/file",
    /--output \/nonexistent\/file as there is no folder \/nonexistent/,
  ],
  ["predict", /predict needs a CHECKPOINT .+ and at least one IMAGE/],
  ["predict one", /predict needs a CHECKPOINT .+ and at least one IMAGE/],
  ["predict one two --top 0", /--top .+ an integer of at least 1/],
  ["predict one two --inverse", /--inverse: did you mean --invert\?/],
  ["data", /data needs one of fetch, verify, show; see data --help$/m],
  ["data fetch show", /data needs one of fetch, verify, show/],
  ["data fecth", /Unknown action fecth: did you mean fetch\?/],
  ["data show --split tset", /--split .+ one of train, test/],
  ["doctor now", /Unexpected argument "now" after doctor/],
  ["constructor", /Unknown command constructor/],
];
for (const [line, message] of REFUSED) {
  Deno.test(`the program refuses "${line}" with exit code 2`, async () => {
    const outcome = await runMain(line.split(" "));
    assertOneLineError(outcome, { code: 2, message });
  });
}

Deno.test("the program refuses to do nothing, and prints its help", async () => {
  const { code, stdout } = await runMain([]);
  assertEquals(code, 2);
  assertStringIncludes(stdout, "Usage: ");
});

Deno.test("--verbose adds the stack trace of an error", async () => {
  const { code, stdout, stderr } = await runProgram([
    ...["train", "--batch-size", "0", "--verbose"],
  ]);
  assertEquals([code, stdout], [2, ""]);
  const [first, ...trace] = stderr.trimEnd().split("\n");
  assertMatch(first, /^error: Cannot use --batch-size .+; see train --help$/);
  assertMatch(trace[0], /^UsageError: Cannot use --batch-size/);
  assertMatch(trace[1], /^ +at .+src\/cli\/\w+\.ts:\d+:\d+/);
});

Deno.test("didYouMean() asks for the nearest candidate", () => {
  const names = ["train", "evaluate", "data"];
  assertEquals(didYouMean("trian", names), "did you mean train?");
  assertEquals(didYouMean("evalute", names), "did you mean evaluate?");
  assertEquals(didYouMean("date", names), "did you mean data?");
});

Deno.test("checkWritable() accepts a new file and one that exists, and writes nothing", async () => {
  await using folder = await makeFolder();
  await Deno.writeTextFile(`${folder.path}/old`, "old");
  await Deno.writeTextFile(`${folder.path}/old.part`, "somebody's");
  for (const name of ["old", "new"]) {
    await checkWritable("--save", `${folder.path}/${name}`);
  }
  await checkWritable("--save", "new-file-in-this-folder");
  assertEquals(namesIn(folder.path), ["old", "old.part"]);
  assertEquals(await Deno.readTextFile(`${folder.path}/old`), "old");
});

Deno.test("checkWritable() refuses a file in no folder, and a folder", async () => {
  await using folder = await makeFolder();
  await Deno.writeTextFile(`${folder.path}/file`, "");
  const refused: [path: string, message: string][] = [
    [`${folder.path}/no/file`, "create it first"],
    [`${folder.path}/file/file`, "there is no folder"],
    [folder.path, "it is a folder"],
  ];
  for (const [path, message] of refused) {
    await assertRejects(
      () => checkWritable("--save", path),
      UsageError,
      message,
    );
  }
});
