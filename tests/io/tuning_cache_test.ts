/**
 * Tests of the file of what was tuned: where it is, that what is written is read, that nothing else is believed, and that nothing is
 * left of what fails.
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
  name: "an adapter (of version 1)",
  vendor: "7",
  isSoftware: true,
  features: ["shader-f16", "timestamp-query"],
  limits: { maxBufferSize: 2 ** 28 },
};

function operation(key: string, ms = 1.5): TunedOperation {
  return { key, way: "fast", ms, usual: "slow", usualMs: 2 * ms };
}

/** Fails if there is a warning. */
function onWarning(message: string): never {
  throw new Error(message);
}

Deno.test("writeTuning() is read by readTuning(), from a folder that it makes", async () => {
  await using folder = await makeFolder();
  const dir = `${folder.path}/a/tuning`;
  const options = { dir, onWarning };
  assertEquals(await readTuning(ADAPTER, options), new Map());
  const both = [operation("conv2d,1,2"), operation("matmul,3,4", 0.25)];
  const path = await writeTuning(ADAPTER, both, options);
  assertEquals(path, await tuningFile(ADAPTER, dir));
  assertEquals(namesIn(dir).map((name) => `${dir}/${name}`), [path]);
  const read = await readTuning(ADAPTER, options);
  assertEquals([...read], both.map((tuned) => [tuned.key, tuned]));
});

Deno.test("writeTuning() adds to what was there, and replaces operations that were measured again", async () => {
  await using folder = await makeFolder();
  const options = { dir: folder.path, onWarning };
  await writeTuning(ADAPTER, [operation("a"), operation("b")], options);
  await writeTuning(ADAPTER, [operation("b", 7), operation("c")], options);
  await writeTuning(ADAPTER, [], options);
  const all = [operation("a"), operation("b", 7), operation("c")];
  const read = await readTuning(ADAPTER, options);
  assertEquals([...read.values()], all);
  assertEquals(namesIn(folder.path).length, 1);
});

Deno.test("writeTuning() by many at a time leaves a file that can be read, and no other", async () => {
  await using folder = await makeFolder();
  const options = { dir: folder.path, onWarning };
  const keys = Array.from({ length: 40 }, (_, i) => `operation ${i}`);
  let isOver = false;
  // Reads meanwhile: no half of a file is ever there.
  const reads = (async () => {
    let count = 0;
    while (!isOver) {
      for (const [key, tuned] of await readTuning(ADAPTER, options)) {
        assertEquals(tuned, operation(key));
      }
      count++;
    }
    return count;
  })();
  await Promise.all(
    keys.map((key) => writeTuning(ADAPTER, [operation(key)], options)),
  );
  isOver = true;
  assert(await reads > 0);
  const read = await readTuning(ADAPTER, options);
  assert(read.size > 0);
  for (const key of read.keys()) assert(keys.includes(key));
  assertEquals(namesIn(folder.path).length, 1);
  // What others wrote at the same moment may be lost, what they wrote before is not.
  await writeTuning(ADAPTER, keys.map((key) => operation(key)), options);
  assertEquals((await readTuning(ADAPTER, options)).size, keys.length);
});

Deno.test("tuningFile() is another for each adapter, and the same each time", async () => {
  const others: Partial<AdapterDescription>[] = [
    { name: "an adapter (of version 2)" },
    { vendor: "8" },
    { features: ["shader-f16"] },
    { limits: { maxBufferSize: 2 ** 27 } },
  ];
  const files = new Set<string>();
  for (const other of [{}, ...others]) {
    const adapter = { ...ADAPTER, ...other };
    const file = await tuningFile(adapter, "/folder");
    assertEquals(file, await tuningFile({ ...adapter }, "/folder"));
    assert(/^\/folder\/[0-9a-f]{16}\.json$/.test(file!), file);
    files.add(file!);
  }
  assertEquals(files.size, 1 + others.length);
});

/** No variable names the user's cache folder. */
const NOWHERE = {
  XDG_CACHE_HOME: undefined,
  HOME: undefined,
  LOCALAPPDATA: undefined,
};

Deno.test("writeTuning() is a DataError of one line where it cannot write, and leaves nothing behind", async () => {
  await using folder = await makeFolder();
  await Deno.writeTextFile(`${folder.path}/file`, "");
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
      () => writeTuning(ADAPTER, [operation("a")], { dir, onWarning() {} }),
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
  const path = await writeTuning(ADAPTER, [operation("a")]);
  const dir = `${folder.path}/alexnet/tuning`;
  assertEquals(path, await tuningFile(ADAPTER, dir));
  assertEquals(await tuningFile(ADAPTER), path);
  assertEquals([...(await readTuning(ADAPTER)).values()], [operation("a")]);
});

Deno.test("writeTuning() is a DataError where no variable names a cache folder, and readTuning() reads nothing", async () => {
  await using folder = await makeFolder();
  using _variables = setVariables(NOWHERE);
  assertEquals(await tuningFile(ADAPTER), undefined);
  assertEquals(await readTuning(ADAPTER, { onWarning }), new Map());
  const error = await assertRejects(
    () => writeTuning(ADAPTER, [operation("a")]),
    DataError,
    "HOME",
  );
  assert(!error.message.includes("\n"), error.message);
  // A folder that is given needs none.
  await writeTuning(ADAPTER, [operation("a")], { dir: folder.path });
  assertEquals(namesIn(folder.path).length, 1);
});

/** What a file of one operation is made to hold instead, and what the warning says of it. */
const FOREIGN: Readonly<
  Record<string, [change: (text: string) => string, reason: string]>
> = {
  "nothing": [() => "", "it is not JSON"],
  "half of it": [(text) => text.slice(0, text.length / 2), "it is not JSON"],
  "null": [() => "null", "it is not an object"],
  "a number": [() => "7", "it is not an object"],
  "an array": [() => "[]", "it is not an object"],
  "another adapter": [
    (text) => text.replace("an adapter", "another adapter"),
    "it is of another adapter or version",
  ],
  "another format": [
    (text) => text.replace('"format": 1', '"format": 0'),
    "it is of another adapter or version",
  ],
  "another version of the package": [
    (text) => text.replace(/"package": "[^"]+"/, '"package": "alexnet 0.0.0"'),
    "it is of another adapter or version",
  ],
  "another version of Deno": [
    (text) => text.replace(/"deno": "[^"]+"/, '"deno": "1.0.0"'),
    "it is of another adapter or version",
  ],
  "no operations": [
    (text) => text.replace('"operations"', '"others"'),
    "it is of another adapter or version",
  ],
  "operations that are no array": [
    (text) => text.replace(/\[\s*\{[^]*\}\s*\]/, "{}"),
    "it holds something else than operations",
  ],
  "an operation that is null": [
    (text) => text.replace(/\{\s*"key"[^}]*\}/, "null"),
    "it holds something else than operations",
  ],
  "an operation without a way": [
    (text) => text.replace('"way"', '"other"'),
    "it holds something else than operations",
  ],
  "a key that is a number": [
    (text) => text.replace('"a"', "7"),
    "it holds something else than operations",
  ],
  "a time that is text": [
    (text) => text.replace("1.5", '"1.5"'),
    "it holds something else than operations",
  ],
  "a time below 0": [
    (text) => text.replace("1.5", "-1.5"),
    "it holds something else than operations",
  ],
  "5 MB": [(text) => text + " ".repeat(5e6), "it has 5000"],
};

for (const [what, [change, reason]] of Object.entries(FOREIGN)) {
  Deno.test(`readTuning() warns of a file with ${what}, and writeTuning() replaces it`, async () => {
    await using folder = await makeFolder();
    const warnings: string[] = [];
    const options = {
      dir: folder.path,
      onWarning: (message: string) => warnings.push(message),
    };
    const path = await writeTuning(ADAPTER, [operation("a")], options);
    const text = await Deno.readTextFile(path);
    const changed = change(text);
    assert(changed !== text);
    await Deno.writeTextFile(path, changed);
    assertEquals(await readTuning(ADAPTER, options), new Map());
    assertEquals(warnings.length, 1);
    const [warning] = warnings;
    assert(
      warning.startsWith(
        `ignored what was tuned before, in ${path}: ${reason}`,
      ),
      warning,
    );
    assert(!warning.includes("\n"), warning);

    await writeTuning(ADAPTER, [operation("b")], options);
    assertEquals(warnings, [warning, warning]);
    const read = await readTuning(ADAPTER, { ...options, onWarning });
    assertEquals([...read.keys()], ["b"]);
    assertEquals(namesIn(folder.path).length, 1);
  });
}
