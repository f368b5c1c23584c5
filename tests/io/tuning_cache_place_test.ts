/**
 * Tests of where what was tuned is kept, and of places where it cannot be.
 *
 * @module
 */

import type {
  AdapterDescription,
  TunedOperation,
} from "../../src/device/device.ts";
import { DataError } from "../../src/errors.ts";
import {
  readTuning,
  tuningFile,
  writeTuning,
} from "../../src/io/tuning_cache.ts";
import { makeFolder, namesIn } from "../data/folder.ts";
import { setVariables } from "../environment.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";

const ADAPTER: AdapterDescription = {
  name: "an adapter",
  vendor: "7",
  isSoftware: true,
  features: [],
  limits: {},
};

const TUNED: readonly TunedOperation[] = [
  { key: "a", way: "fast", ms: 1, usual: "slow", usualMs: 2 },
];

/** No variable names the user's cache folder. */
const NOWHERE = {
  XDG_CACHE_HOME: undefined,
  HOME: undefined,
  LOCALAPPDATA: undefined,
};

Deno.test("writeTuning() is a DataError of one line where it cannot write, and leaves nothing behind", async () => {
  await using folder = await makeFolder();
  await Deno.writeTextFile(`${folder.path}/file`, "");
  const onWarning = () => {};
  // In the place of the folder there is a file; in that of the file, a folder.
  const dir = `${folder.path}/dir`;
  const file = (await tuningFile(ADAPTER, dir))!;
  await Deno.mkdir(`${file}/inner`, { recursive: true });
  const places = {
    [`${folder.path}/file`]: ["dir", "file"],
    [`${folder.path}/file/tuning`]: ["dir", "file"],
    [dir]: ["dir", "file"],
  };
  for (const [dir, names] of Object.entries(places)) {
    const error = await assertRejects(
      () => writeTuning(ADAPTER, TUNED, { dir, onWarning }),
      DataError,
      "Cannot write ",
    );
    assert(!error.message.includes("\n"), error.message);
    assertEquals(error.path, await tuningFile(ADAPTER, dir));
    assertEquals(namesIn(folder.path), names);
  }
  assertEquals(namesIn(dir).map((name) => `${dir}/${name}`), [file]);
});

Deno.test("readTuning() warns in one line of what is in the place of its file", async () => {
  await using folder = await makeFolder();
  const warnings: string[] = [];
  const options = {
    dir: folder.path,
    onWarning: (message: string) => warnings.push(message),
  };
  const file = (await tuningFile(ADAPTER, folder.path))!;
  await Deno.mkdir(file);
  assertEquals(await readTuning(ADAPTER, options), new Map());
  assertEquals(warnings.length, 1);
  assert(!warnings[0].includes("\n"), warnings[0]);
  assert(warnings[0].includes(file), warnings[0]);
});

Deno.test("tuningFile() is in the user's cache folder by default", async () => {
  await using folder = await makeFolder();
  using _variables = setVariables({
    ...NOWHERE,
    XDG_CACHE_HOME: folder.path,
  });
  const path = await writeTuning(ADAPTER, TUNED);
  const dir = `${folder.path}/alexnet/tuning`;
  assertEquals(path, await tuningFile(ADAPTER, dir));
  assertEquals(await tuningFile(ADAPTER), path);
  assertEquals([...(await readTuning(ADAPTER)).values()], [...TUNED]);
});

Deno.test("writeTuning() is a DataError where no variable names a cache folder, and readTuning() reads nothing", async () => {
  await using folder = await makeFolder();
  using _variables = setVariables(NOWHERE);
  assertEquals(await tuningFile(ADAPTER), undefined);
  const onWarning = (message: string) => {
    throw new Error(message);
  };
  assertEquals(await readTuning(ADAPTER, { onWarning }), new Map());
  const error = await assertRejects(
    () => writeTuning(ADAPTER, TUNED),
    DataError,
    "HOME",
  );
  assert(!error.message.includes("\n"), error.message);
  // A folder that is given needs none.
  await writeTuning(ADAPTER, TUNED, { dir: folder.path });
  assertEquals(namesIn(folder.path).length, 1);
});
