/** Tests of telling a right file from a wrong one. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  inspect,
  MANIFEST,
  sha256Of,
} from "../../../src/data/fashion_mnist/manifest.ts";
import { encodeIdx } from "../../../src/data/idx.ts";

const ENTRY = MANIFEST.sample.files[2];
const FILE = await Deno.readFile(
  new URL(`../../../data/sample/${ENTRY.name}.gz`, import.meta.url),
);

Deno.test("sha256Of() gives the known answer for abc", async () => {
  assertEquals(
    await sha256Of(new TextEncoder().encode("abc")),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});

Deno.test("inspect() gives the content of a right file, gz or plain", async () => {
  const result = await inspect(FILE, ENTRY);
  assert(result.ok);
  assertEquals(result.content.length, ENTRY.numBytes);
  assertEquals(await inspect(result.content, ENTRY), result);
});

function flipped(place: number): Uint8Array<ArrayBuffer> {
  return FILE.map((byte, i) => i === place ? byte ^ 0x10 : byte);
}

const WRONG: Record<string, Uint8Array<ArrayBuffer>> = {
  "a truncated gz": FILE.slice(0, 100_000),
  "a gz without its last bytes": FILE.slice(0, -9),
  "the beginning of a gz header": FILE.slice(0, 3),
  "a flipped byte early in a gz": flipped(60),
  "a flipped byte in the middle of a gz": flipped(FILE.length >> 1),
  "a flipped byte late in a gz": flipped(FILE.length - 100),
  "a flipped first byte": flipped(0),
  "an empty file": new Uint8Array(0),
  "plain bytes of the right length": new Uint8Array(ENTRY.numBytes),
  "a file of another shape": encodeIdx({
    shape: [2],
    data: Uint8Array.of(1, 2),
  }),
  "plain bytes and one more": new Uint8Array(ENTRY.numBytes + 1),
};
for (const [what, bytes] of Object.entries(WRONG)) {
  Deno.test(`inspect() refuses ${what}`, async () => {
    const result = await inspect(bytes, ENTRY);
    assert(!result.ok);
    assertStringIncludes(
      result.difference,
      `expected ${ENTRY.numBytes} bytes with SHA-256 ${ENTRY.sha256}, found `,
    );
    assertEquals(result.difference.includes("\n"), false);
  });
}

Deno.test("inspect() accepts the recorded content only, whichever byte of the gz stream is flipped", async () => {
  const entry = MANIFEST.sample.files[3];
  const file = await Deno.readFile(
    new URL(`../../../data/sample/${entry.name}.gz`, import.meta.url),
  );
  // Between the header, of which some bytes mean nothing, and the gz checksum, which SHA-256 replaces.
  for (let place = 10; place < file.length - 8; place++) {
    const flipped = file.map((byte, i) => i === place ? byte ^ 0x04 : byte);
    const result = await inspect(flipped, entry);
    // A flip may keep the content, as where a match may begin at another place that holds the same bytes.
    if (result.ok) assertEquals(await sha256Of(result.content), entry.sha256);
  }
});
