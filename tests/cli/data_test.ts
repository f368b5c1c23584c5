/**
 * Tests of `data fetch|verify|show`, as processes of their own.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { ensureFashionMnist } from "../../src/data/files.ts";
import { MANIFEST } from "../../src/data/manifest.ts";
import { runProgram } from "./program.ts";

const { classNames } = MANIFEST;

/** Where the full set is, if it is on this machine. */
const FULL: string[] = await ensureFashionMnist({ offline: true })
  .then((files) => files.map(({ path }) => path))
  .catch((error: Error) => {
    console.log(`Tests of the full data set are ignored: ${error.message}`);
    return [];
  });
const ignore = FULL.length === 0;

async function dataOf(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(["data", ...args]);
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

/** Number and first word of each caption. */
function captionsIn(sheet: string): string[] {
  return sheet.match(/\b\d+: [a-z-]+/g) ?? [];
}

Deno.test("data show prints twelve images of the train split, four in a row", async () => {
  const sheet = await dataOf("show", "--source", "sample");
  // The first labels of Fashion-MNIST's train split.
  const labels = [9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0, 9];
  assertEquals(
    captionsIn(sheet),
    labels.map((label, i) =>
      `${i}: ${classNames[label].match(/^[a-z-]+/)?.[0]}`
    ),
  );
  const lines = sheet.trimEnd().split("\n");
  // 28 rows of pixels, a caption and an empty line.
  assertEquals(lines.length, 3 * (14 + 2) - 1);
  const pictures = lines.filter((_, i) => i % 16 < 14);
  assertEquals(new Set(pictures.map((line) => line.length)), new Set([118]));
  assertMatch(pictures.join(""), /^[ .:\-=+*#%@]+$/);
});

Deno.test("data show --split test --count prints the first test images", async () => {
  const sheet = await dataOf(
    ...["show", "--source", "sample", "--split", "test", "--count", "5"],
  );
  // Ankle boot, pullover, trouser, trouser, shirt.
  assertEquals(
    captionsIn(sheet),
    [9, 2, 1, 1, 6].map((label, i) =>
      `${i}: ${classNames[label].match(/^[a-z-]+/)?.[0]}`
    ),
  );
});

Deno.test("data show --count prints no more images than there are", async () => {
  const sheet = await dataOf(
    ...["show", "--source", "sample", "--split", "test", "--count", "9999"],
  );
  const captions = captionsIn(sheet);
  assertEquals(captions.length, 500);
  assert(captions[499].startsWith("499: "));
});
