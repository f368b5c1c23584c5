/**
 * Tests of data sets that are missing or wrong.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { gzipSync } from "fflate";
import {
  type DataFile,
  ensureFashionMnist,
  readVerified,
} from "../../../src/data/fashion_mnist/files.ts";
import { MANIFEST } from "../../../src/data/fashion_mnist/manifest.ts";
import { makeFolder, namesIn } from "../../data/folder.ts";
import { assertOneLineError, runMain, runProgram } from "../program.ts";

/** The full set if it is on this machine. */
const FULL: DataFile[] = await ensureFashionMnist({ offline: true })
  .catch((error: Error) => {
    console.log(
      `Tests of one wrong file among four are ignored: ${error.message}`,
    );
    return [];
  });

/** The four commands that read the data set, told to read it from a folder. */
function commandsOn(folder: string): string[][] {
  return [
    ["train", "--model", "lenet", "--data-dir", folder, "--offline"],
    ["data", "fetch", "--data-dir", folder, "--offline"],
    ["data", "verify", "--data-dir", folder, "--offline"],
    ["data", "show", "--data-dir", folder, "--offline"],
  ];
}

Deno.test("every command refuses an empty folder with --offline", async () => {
  await using folder = await makeFolder();
  for (const command of commandsOn(folder.path)) {
    assertOneLineError(await runMain(command), {
      code: 1,
      message:
        /Cannot find train-images-idx3-ubyte\.gz in .+offline.+`data fetch`/,
    });
  }
  assertEquals(namesIn(folder.path), []);
});

Deno.test("every command refuses a folder that does not exist, and does not make it", async () => {
  await using folder = await makeFolder();
  for (const command of commandsOn(`${folder.path}/new`)) {
    assertOneLineError(await runMain(command), {
      code: 1,
      message: /Cannot find train-images-idx3-ubyte\.gz in .+\/new and/,
    });
  }
  assertEquals(namesIn(folder.path), []);
});

Deno.test("train refuses a data folder that is a file", async () => {
  assertOneLineError(
    await runMain(["train", "--data-dir", "mod.ts", "--offline"]),
    { code: 1, message: /mod\.ts as it is not a folder/ },
  );
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

Deno.test("train refuses four files of something else", async () => {
  await using folder = await makeFolder();
  for (const { name } of MANIFEST.files) {
    const bytes = gzipSync(new TextEncoder().encode("not images"));
    await Deno.writeFile(`${folder.path}/${name}.gz`, bytes);
  }
  const before = namesIn(folder.path);
  assertOneLineError(
    await runMain([
      ...["train", "--model", "lenet", "--data-dir", folder.path],
    ]),
    { code: 1, message: /expected \d+ bytes with SHA-256 .+, found 10 bytes/ },
  );
  assertEquals(namesIn(folder.path), before);
});

type Bytes = Uint8Array<ArrayBuffer>;

/** One wrong file each, made of the right one: as it is stored, and its content. */
const WRONG: Record<
  string,
  { make: (stored: Bytes, content: Bytes) => Bytes; found: RegExp }
> = {
  "a truncated file": {
    make: (stored) => stored.slice(0, stored.length >> 1),
    found: /found a broken gz stream|found \d+ bytes/,
  },
  "a file with a flipped byte": {
    make: (stored) =>
      stored.map((byte, i) => i === stored.length >> 1 ? byte ^ 1 : byte),
    found: /found a broken gz stream|found (as many|more than|\d+) /,
  },
  "a file with a wrong magic number": {
    make: (_, content) =>
      gzipSync(content.map((byte, i) => i === 2 ? 0x0d : byte)) as Bytes,
    found: /found as many bytes with SHA-256/,
  },
  "an empty file": {
    make: () => new Uint8Array(),
    found: /found 0 bytes/,
  },
};
for (const [what, { make, found }] of Object.entries(WRONG)) {
  Deno.test({
    name: `every command refuses ${what}, names it and leaves it alone`,
    ignore: FULL.length === 0,
    async fn() {
      await using folder = await makeFolder();
      const [entry] = MANIFEST.files.slice(-1);
      const wrong = `${folder.path}/${entry.name}.gz`;
      for (const { name, path } of FULL) {
        if (name !== entry.name) {
          await Deno.symlink(path, `${folder.path}/${name}.gz`);
          continue;
        }
        const stored = await Deno.readFile(path);
        const content = await readVerified(FULL[FULL.length - 1]);
        await Deno.writeFile(wrong, make(stored, content));
      }
      const [names, bytes] = [namesIn(folder.path), await Deno.readFile(wrong)];
      const [train, , verify] = commandsOn(folder.path);
      // Although a download is allowed: the folder is the user's.
      const outcome = await runMain(train.slice(0, -1));
      assertOneLineError(outcome, { code: 1, message: found });
      assertOneLineError(outcome, {
        code: 1,
        message: /t10k-labels-idx1-ubyte\.gz as it is .+: delete it or/,
      });
      const verified = await runMain(verify);
      assertOneLineError({ ...verified, stdout: "" }, {
        code: 1,
        message: found,
      });
      assertEquals(verified.stdout.match(/^ok /gm)?.length, 3);
      assertEquals(namesIn(folder.path), names);
      assertEquals(await Deno.readFile(wrong), bytes);
    },
  });
}
