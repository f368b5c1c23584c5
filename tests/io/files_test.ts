/** Tests of atomic writing: the new content or the old, and nothing else in the folder. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { BackendError, DataError } from "../../src/errors.ts";
import { writeAtomically } from "../../src/io/files.ts";
import { makeFolder, namesIn } from "../data/folder.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("writeAtomically() writes pieces one after the other, in place of what was there", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/file`;
  await Deno.writeTextFile(path, "old".repeat(1000));
  await writeAtomically(path, [bytes("one "), bytes(""), bytes("two")]);
  assertEquals(await Deno.readTextFile(path), "one two");
  await writeAtomically(path, []);
  assertEquals(await Deno.readTextFile(path), "");
  await writeAtomically(path, "größe");
  assertEquals(await Deno.readTextFile(path), "größe");
  assertEquals(namesIn(folder.path), ["file"]);
});

Deno.test("writeAtomically() shows the old content until all pieces are written", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/file`;
  await Deno.writeTextFile(path, "old");
  async function* pieces() {
    for (const piece of ["one ", "two"]) {
      yield bytes(piece);
      assertEquals(await Deno.readTextFile(path), "old");
    }
  }
  await writeAtomically(path, pieces());
  assertEquals(await Deno.readTextFile(path), "one two");
});

Deno.test("writeAtomically() lets two write the same file: one of them whole", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/file`;
  const texts = ["a", "b", "c", "d"].map((letter) => letter.repeat(1e6));
  await Promise.all(texts.map((text) => writeAtomically(path, [bytes(text)])));
  assert(texts.includes(await Deno.readTextFile(path)));
  assertEquals(namesIn(folder.path), ["file"]);
});

Deno.test("writeAtomically() leaves the old content and nothing else when a piece cannot be made", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/file`;
  await Deno.writeTextFile(path, "old");
  function* failing(error: Error) {
    yield bytes("new");
    throw error;
  }
  const failures = [
    [new BackendError("The device was lost"), BackendError, "was lost"],
    [new Error("no more"), DataError, `Cannot write ${path}: no more`],
  ] as const;
  for (const [error, kind, message] of failures) {
    await assertRejects(
      () => writeAtomically(path, failing(error)),
      kind,
      message,
    );
    assertEquals(await Deno.readTextFile(path), "old");
    assertEquals(namesIn(folder.path), ["file"]);
  }
});

Deno.test("writeAtomically() says in one line why it cannot write", async () => {
  await using folder = await makeFolder();
  await Deno.mkdir(`${folder.path}/folder`);
  for (const place of ["missing/file", "folder"]) {
    const path = `${folder.path}/${place}`;
    const error = await assertRejects(
      () => writeAtomically(path, [bytes("new")]),
      DataError,
      `Cannot write ${path}: `,
    );
    assertEquals(error.path, path);
    assert(!error.message.includes("\n"));
    assertEquals(namesIn(folder.path), ["folder"]);
  }
});
