/**
 * Tests of `data fetch|verify`.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { ensureFashionMnist } from "../../../src/data/fashion_mnist/files.ts";
import { MANIFEST } from "../../../src/data/fashion_mnist/manifest.ts";
import { assertOneLineError, runMain } from "../program.ts";

/** Where the full set is, if it is on this machine. */
const FULL: string[] = await ensureFashionMnist({ offline: true })
  .then((files) => files.map(({ path }) => path))
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
    assertEquals(await dataOf("fetch"), FULL.join("\n") + "\n");
  },
});

Deno.test({
  name: "data verify prints the checksum of each of the four files",
  ignore,
  async fn() {
    const lines = (await dataOf("verify")).trimEnd().split("\n");
    assertEquals(lines.length, 4);
    MANIFEST.files.forEach(({ sha256 }, i) => {
      assert(lines[i].startsWith(`ok ${FULL[i]}, `), lines[i]);
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
