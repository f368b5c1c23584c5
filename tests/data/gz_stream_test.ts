/** Tests of decompressing gz streams, against zlib. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { gzipSync } from "fflate";
import { crc32, gunzipSync } from "node:zlib";
import { gunzip } from "../../src/data/gz_file.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const OPTIONS = { maxBytes: 2 ** 20, checksum: true };

/** Literals, matches, a block with codes of its own. */
const TEXT = new TextEncoder().encode(
  Array.from({ length: 60 }, (_, i) => `line ${i * i} of ${i}`).join("\n"),
);
const GZ = gzipSync(TEXT, { mtime: 0 }) as Bytes;

function concatenate(...parts: Uint8Array[]): Bytes {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

for (
  const [what, content] of [
    ["nothing", new Uint8Array(0)],
    ["text", TEXT],
    ["what cannot be compressed", crypto.getRandomValues(new Uint8Array(6e4))],
    ["long runs", new Uint8Array(2 ** 20)],
  ] as const
) {
  Deno.test(`gunzip() gives back ${what}, of any level`, () => {
    for (const level of [0, 1, 9] as const) {
      assertEquals(gunzip(gzipSync(content, { level }), OPTIONS), content);
    }
  });
}

Deno.test("gunzip() joins members", () => {
  const others = new Uint8Array(50_000).fill(7);
  const stored = concatenate(
    GZ,
    gzipSync(others),
    gzipSync(new Uint8Array(0)),
    GZ,
  );
  const joined = concatenate(TEXT, others, TEXT);
  assertEquals(gunzip(stored, OPTIONS), joined);
  assertEquals(new Uint8Array(gunzipSync(stored)), joined);
});

Deno.test("gunzip() checks each member, not only the last", () => {
  const wrong = GZ.slice();
  wrong[wrong.length - 8] ^= 1;
  const message = "wrong checksum";
  assertThrows(() => gunzip(concatenate(wrong, GZ), OPTIONS), Error, message);
  assertThrows(() => gunzip(concatenate(GZ, wrong), OPTIONS), Error, message);
});

Deno.test("gunzip() leaves out the checksum where it is told to, but not the length", () => {
  const options = { ...OPTIONS, checksum: false };
  const [checksum, length] = [GZ.slice(), GZ.slice()];
  checksum[checksum.length - 8] ^= 1;
  length[length.length - 4] ^= 1;
  assertEquals(gunzip(checksum, options), TEXT);
  assertThrows(() => gunzip(length, options), Error, "wrong length");
});

Deno.test("gunzip() refuses what follows the last member", () => {
  for (const more of [[0], [0, 0, 0], [1, 2, 3, 4, 5], [0x1f, 0x8b]]) {
    const stored = concatenate(GZ, Uint8Array.from(more));
    assertThrows(() => gunzip(stored, OPTIONS), Error);
  }
});

Deno.test("gunzip() stops at the most bytes, be they of several members", () => {
  const options = { ...OPTIONS, maxBytes: 2 * TEXT.length };
  assertEquals(
    gunzip(concatenate(GZ, GZ), options).length,
    options.maxBytes,
  );
  assertThrows(
    () => gunzip(concatenate(GZ, GZ, gzipSync(Uint8Array.of(1))), options),
    Error,
    `it has more than ${options.maxBytes} bytes`,
  );
});

/** A header with every field that it may have, and the checksum that it then ends with. */
function fullHeader(change = 0): Bytes {
  const encoder = new TextEncoder();
  const fields = concatenate(
    Uint8Array.of(0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3),
    Uint8Array.of(3, 0, 7, 8, 9),
    encoder.encode("a name\0a comment\0"),
  );
  const crc = crc32(fields) & 0xffff ^ change;
  return concatenate(fields, Uint8Array.of(crc & 0xff, crc >> 8));
}

Deno.test("gunzip() reads a header with all fields, and checks its checksum", () => {
  const rest = GZ.subarray(10);
  const stored = concatenate(fullHeader(), rest);
  assertEquals(new Uint8Array(gunzipSync(stored)), TEXT);
  assertEquals(gunzip(stored, OPTIONS), TEXT);
  const wrong = concatenate(fullHeader(1), rest);
  assertThrows(() => gunzipSync(wrong));
  assertThrows(() => gunzip(wrong, OPTIONS), Error, "checksum of its header");
});

Deno.test("gunzip() accepts nothing that zlib refuses, whichever bit is flipped and wherever it is cut", () => {
  let [accepted, refused] = [0, 0];
  const compare = (stored: Bytes, what: string) => {
    let content: Bytes;
    try {
      content = gunzip(stored, OPTIONS);
    } catch {
      refused++;
      return;
    }
    accepted++;
    assertEquals(content, new Uint8Array(gunzipSync(stored)), what);
  };
  const stored = concatenate(fullHeader(), GZ.subarray(10), GZ);
  for (let bit = 0; bit < 8 * stored.length; bit++) {
    const flipped = stored.slice();
    flipped[bit >> 3] ^= 1 << (bit & 7);
    compare(flipped, `bit ${bit}`);
  }
  for (let length = 2; length < stored.length; length++) {
    compare(stored.slice(0, length), `length ${length}`);
  }
  // Bits that mean nothing: the time, the kind of system and of compression of the second header.
  assert(accepted > 0 && accepted < 80, `${accepted}`);
  assert(refused > 0);
});
