/**
 * Tests of checking a place to write to.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { UsageError } from "../../src/cli/option_kinds.ts";
import { checkWritable } from "../../src/cli/output_file.ts";
import { makeFolder, namesIn } from "../data/folder.ts";

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
