/** Tests of `data fetch|verify`, and of every command where the data set is missing or wrong. */

import { assert, assertEquals } from "@std/assert";
import {
  type DataFile,
  ensureFashionMnist,
} from "../../../src/data/fashion_mnist/files.ts";
import { MANIFEST } from "../../../src/data/fashion_mnist/manifest.ts";
import { makeFolder, namesIn } from "../../data/folder.ts";
import { assertOneLineError, runMain, runProgram } from "../program.ts";

/** The full set, if it is on this machine. */
const FULL: DataFile[] = await ensureFashionMnist({ offline: true })
  .catch((error: Error) => {
    console.log(`Tests of the full data set are ignored: ${error.message}`);
    return [];
  });
const ignore = FULL.length === 0;

async function dataOf(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runMain(["data", ...args]);
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

Deno.test({
  name: "data fetch prints where the four files are",
  ignore,
  async fn() {
    assertEquals(
      await dataOf("fetch"),
      FULL.map(({ path }) => `${path}\n`).join(""),
    );
  },
});

Deno.test({
  name: "data verify prints the checksum of each of the four files",
  ignore,
  async fn() {
    const lines = (await dataOf("verify")).trimEnd().split("\n");
    assertEquals(lines.length, 4);
    MANIFEST.files.forEach(({ sha256 }, i) => {
      assert(lines[i].startsWith(`ok ${FULL[i].path}, `), lines[i]);
      assert(lines[i].endsWith(`iB, SHA-256 ${sha256}`), lines[i]);
    });
  },
});

Deno.test("data verify --source sample prints the checksum of each file of the sample", async () => {
  const expected = MANIFEST.sample.files.map(({ name, sha256 }) =>
    `ok ${name} ${sha256}\n`
  );
  assertEquals(await dataOf("verify", "--source", "sample"), expected.join(""));
});

Deno.test("data fetch and data verify refuse the options of data show", async () => {
  const refuse = async (line: string, message: RegExp) =>
    assertOneLineError(await runMain(line.split(" ")), { code: 2, message });
  await refuse(
    "data fetch --count 3",
    /^error: data fetch has no option --count, which is for data show; see data --help$/m,
  );
  await refuse("data fetch --offline --seed 3", /data fetch .+ --seed,/);
  await refuse(
    "data verify --source sample --augment flip",
    /data verify has no option --augment,/,
  );
});

Deno.test("data --help says which options are for data show", async () => {
  const help = await dataOf("--help");
  const ofShow = Array.from(help.matchAll(/^ {2}--([a-z-]+).* {2}show: /gm));
  assertEquals(
    ofShow.map(([, name]) => name).sort(),
    "at-epoch augment batch batch-size count device output resize seed split"
      .split(" "),
  );
});

/** The four commands that read the data set, told to read it from a folder. */
function commandsOn(folder: string): string[][] {
  const options = ["--data-dir", folder, "--offline"];
  return [
    ["train", "--model", "lenet", ...options],
    ["data", "fetch", ...options],
    ["data", "verify", ...options],
    ["data", "show", ...options],
  ];
}

Deno.test("every command refuses a folder that is empty or does not exist, and does not make it", async () => {
  await using folder = await makeFolder();
  for (const path of [folder.path, `${folder.path}/new`]) {
    for (const command of commandsOn(path)) {
      assertOneLineError(await runMain(command), {
        code: 1,
        message:
          /Cannot find train-images-idx3-ubyte\.gz in .+offline.+`data fetch`/,
      });
    }
  }
  assertEquals(namesIn(folder.path), []);
});

// In a process, as how to reach the network is read once.
Deno.test("train leaves nothing where the data set cannot be downloaded", async () => {
  await using folder = await makeFolder();
  assertOneLineError(
    await runProgram([
      ...["train", "--model", "lenet", "--data-dir", folder.path],
    ]),
    {
      code: 1,
      message: /no mirror delivered it .+: run it again, or put the four files/,
    },
  );
  assertEquals(namesIn(folder.path), []);
});

Deno.test({
  name: "every command refuses a damaged file, names it and leaves it alone",
  ignore,
  async fn() {
    await using folder = await makeFolder();
    const wrong = `${folder.path}/${MANIFEST.files.at(-1)!.name}.gz`;
    for (const { name, path } of FULL) {
      await Deno.symlink(path, `${folder.path}/${name}.gz`);
    }
    const stored = await Deno.readFile(FULL.at(-1)!.path);
    stored[stored.length >> 1] ^= 1;
    await Deno.remove(wrong);
    await Deno.writeFile(wrong, stored);
    const names = namesIn(folder.path);
    const [train, , verify] = commandsOn(folder.path);
    // Although a download is allowed: the folder is the user's.
    const outcome = await runMain(train.slice(0, -1));
    const message =
      /t10k-labels-idx1-ubyte\.gz as it is .+ found (a broken gz stream|as many|more than|\d+) ?.*: delete it or /;
    assertOneLineError(outcome, { code: 1, message });
    const verified = await runMain(verify);
    assertOneLineError({ ...verified, stdout: "" }, { code: 1, message });
    assertEquals(verified.stdout.match(/^ok /gm)?.length, 3);
    assertEquals(namesIn(folder.path), names);
    assertEquals(await Deno.readFile(wrong), stored);
  },
});
