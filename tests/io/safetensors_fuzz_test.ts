/**
 * Tests of safetensors files of which anything may be wrong: either a file is read, or there is one line that says why
 * not, and no more memory is asked for than the file has bytes.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { deflateSync, gzipSync } from "fflate";
import { DataError } from "../../src/errors.ts";
import {
  encodeSafetensors,
  openSafetensors,
} from "../../src/io/safetensors.ts";
import { uniforms } from "../../src/random.ts";
import { makeFolder } from "../data/folder.ts";
import {
  join,
  METADATA,
  readSafetensors,
  TENSORS,
  withHeader,
} from "./safetensors_files.ts";

const WHOLE = join(encodeSafetensors({ tensors: TENSORS, metadata: METADATA }));
const HEADER_END = 8 + WHOLE[0] + 256 * WHOLE[1];

/** Reads a file; tells whether it could be read, and checks how it was refused and what it cost. */
async function isRead(path: string, bytes: Uint8Array): Promise<boolean> {
  await Deno.writeFile(path, bytes);
  const largest = watchMemory();
  try {
    const { tensors } = await readSafetensors(path);
    const size = [...tensors.values()].reduce((n, t) => n + t.values.length, 0);
    assert(4 * size <= bytes.length);
    return true;
  } catch (error) {
    assert(error instanceof DataError, String(error));
    assertEquals(error.path, path);
    assert(error.message.startsWith(`Cannot read ${path}: `), error.message);
    assert(!/\p{Cc}/u.test(error.message), error.message);
    assert(error.message.length < 400, error.message);
    return false;
  } finally {
    assert(largest() <= Math.max(bytes.length, 8));
  }
}

/** From now on until it is called: the largest number of bytes that was asked for at once. */
function watchMemory(): () => number {
  const original = globalThis.Uint8Array;
  let largest = 0;
  globalThis.Uint8Array = new Proxy(original, {
    construct(target, args, newTarget) {
      if (typeof args[0] === "number") largest = Math.max(largest, args[0]);
      return Reflect.construct(target, args, newTarget);
    },
  });
  return () => {
    globalThis.Uint8Array = original;
    return largest;
  };
}

/** Integers from 0 up to a bound, the same in every run. */
function integers(count: number, bound: number, seed: number): number[] {
  return [...uniforms(count, { seed, stream: 0x70000001 })]
    .map((u) => Math.floor(u * bound));
}

Deno.test("SafetensorsFile.read() refuses a file that is cut off at any byte", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/file`;
  assert(await isRead(path, WHOLE));
  for (let length = 0; length < WHOLE.length; length++) {
    assertEquals(await isRead(path, WHOLE.slice(0, length)), false);
  }
});

Deno.test("SafetensorsFile.read() survives a change of every byte of length and header", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/file`;
  let numRead = 0;
  for (let at = 0; at < HEADER_END; at++) {
    // A low bit makes digits and letters others, the high bit makes UTF-8 wrong, and quotes end names.
    for (const value of [WHOLE[at] ^ 1, WHOLE[at] ^ 0x80, 0x22, 0x39, 0]) {
      if (value === WHOLE[at]) continue;
      if (await isRead(path, WHOLE.with(at, value))) numRead++;
    }
  }
  // Another letter of a name or of the metadata is no error: that some are read shows that the others are looked at.
  assert(numRead > 50);
});

Deno.test("SafetensorsFile.read() refuses every length that is not the header's", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/file`;
  const lengths = [
    0n,
    1n,
    7n,
    100_000_000n,
    100_000_001n,
    2n ** 31n,
    2n ** 32n,
  ];
  lengths.push(2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n);
  for (const length of lengths) {
    const bytes = WHOLE.slice();
    new DataView(bytes.buffer).setBigUint64(0, length, true);
    assertEquals(await isRead(path, bytes), false);
  }
});

Deno.test("openSafetensors() does not read a header above the format's limit, however large the file", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/sparse`;
  const start = new Uint8Array(8);
  new DataView(start.buffer).setBigUint64(0, 100_000_001n, true);
  await Deno.writeFile(path, start);
  await Deno.truncate(path, 2 ** 40);
  const largest = watchMemory();
  await assertRejects(
    () => openSafetensors(path),
    DataError,
    "its header would have 100000001 bytes, and at most 100000000 are possible",
  );
  assertEquals(largest(), 8);
});

Deno.test("SafetensorsFile.read() survives random numbers in places of the header's", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/file`;
  const choices = [0, 1, 3, 4, 8, -1, 0.5, 1e10, 2 ** 53, 1e300, null, "4", []];
  const picks = integers(4000, choices.length, 1);
  const pick = () => choices[picks.pop()!];
  let numRead = 0;
  for (let i = 0; i < 400; i++) {
    const entries = Array.from({ length: 1 + i % 2 }, (_, k) => [`w${k}`, {
      dtype: "F32",
      shape: Array.from({ length: i % 3 }, pick),
      data_offsets: [4 * k, i % 5 ? 4 * k + 4 : pick()],
    }]);
    const bytes = withHeader(Object.fromEntries(entries), 4 * (1 + i % 2));
    if (await isRead(path, bytes)) numRead++;
  }
  assert(numRead > 20);
});

Deno.test("SafetensorsFile.read() refuses noise of any size", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/file`;
  for (let size = 0; size < 300; size++) {
    const noise = Uint8Array.from(integers(size, 256, size));
    assertEquals(await isRead(path, noise), false);
    // With a length that is possible, so that the noise is taken for a header.
    const header = join([withHeader(""), noise]).with(0, size % 256);
    assertEquals(await isRead(path, header), false);
  }
});

Deno.test("SafetensorsFile.read() refuses files of other formats", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/file`;
  const text = (text: string) => new TextEncoder().encode(text);
  const foreign = {
    png: await Deno.readFile("tests/fixtures/pictures/0_t-shirt_top.png"),
    // ir_version 8, then a producer_name.
    onnx: Uint8Array.of(0x08, 8, 0x12, 7, ...text("pytorch"), 0x3a, 0),
    gzip: gzipSync(WHOLE),
    zlib: deflateSync(WHOLE),
    hdf5: Uint8Array.of(0x89, ...text("HDF\r\n\u001a\n"), ...WHOLE),
    zip: Uint8Array.of(...text("PK\u0003\u0004"), ...WHOLE),
    pickle: Uint8Array.of(0x80, 4, 0x95, ...WHOLE),
    json: text('{"format": "layers-model", "weightsManifest": []}'),
    readme: await Deno.readFile("README.md"),
  };
  for (const [kind, bytes] of Object.entries(foreign)) {
    assertEquals(await isRead(path, bytes), false, kind);
  }
});

Deno.test("SafetensorsFile.read() refuses what is no file, without waiting for it", async () => {
  await using folder = await makeFolder();
  const pipe = `${folder.path}/pipe`;
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  const places: [path: string, reason: string][] = [
    [folder.path, "it is a folder"],
    [pipe, "it is no file"],
    ["/dev/zero", "it is no file"],
    [`${folder.path}/missing`, "No such file or directory"],
  ];
  for (const [path, reason] of places) {
    await assertRejects(
      () => readSafetensors(path),
      DataError,
      `Cannot read ${path}: ${reason}`,
    );
  }
});
