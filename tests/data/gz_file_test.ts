/** Tests of reading files that nothing is known of. */

import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { gzipSync } from "fflate";
import { decompress, readFile } from "../../src/data/gz_file.ts";
import { DataError } from "../../src/errors.ts";
import { makeFolder } from "./folder.ts";

const BYTES = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251);
const GZ = gzipSync(BYTES) as Uint8Array<ArrayBuffer>;

Deno.test("readFile() reads gz and plain", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/file`;
  for (const content of [BYTES, GZ]) {
    await Deno.writeFile(path, content);
    assertEquals(await readFile(path, { wanted: "file" }), BYTES);
    const url = new URL(`file://${path}`);
    assertEquals(await readFile(url, { wanted: "file" }), BYTES);
  }
});

Deno.test("readFile() reads no more than it may, neither stored nor decompressed", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/file`;
  for (const content of [BYTES, GZ]) {
    await Deno.writeFile(path, content);
    const options = { wanted: "small file", maxBytes: BYTES.length };
    assertEquals(await readFile(path, options), BYTES);
    await assertRejects(
      () => readFile(path, { ...options, maxBytes: BYTES.length - 1 }),
      DataError,
      `Cannot read ${path} (it has more than 99999 bytes): name a small file`,
    );
  }
});

Deno.test({
  name: "readFile() stops at what has no end",
  ignore: Deno.build.os === "windows",
  async fn() {
    await assertRejects(
      () => readFile("/dev/zero", { wanted: "file", maxBytes: 1_000_000 }),
      DataError,
      "Cannot read /dev/zero (it has more than 1000000 bytes)",
    );
  },
});

Deno.test("decompress() leaves as it is what does not begin as gz does", () => {
  for (const bytes of [[], [0x1f], [0x8b, 0x1f], [0x50, 0x4b]]) {
    const stored = Uint8Array.from(bytes);
    assertStrictEquals(decompress(stored), stored);
  }
});

Deno.test("decompress() stops at a stream that becomes too long", () => {
  const bomb = gzipSync(new Uint8Array(2 ** 22)) as Uint8Array<ArrayBuffer>;
  assertThrows(
    () => decompress(bomb, { maxBytes: 2 ** 20 }),
    Error,
    "it has more than 1048576 bytes",
  );
});

Deno.test("decompress() refuses a gz stream that is cut off or has a wrong bit", () => {
  for (const length of [2, 10, 100, GZ.length - 1]) {
    assertThrows(() => decompress(GZ.slice(0, length)));
  }
  const changed = GZ.slice();
  changed[changed.length - 6] ^= 1;
  assertThrows(() => decompress(changed));
});
