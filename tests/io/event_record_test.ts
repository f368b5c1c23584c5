/**
 * Tests of the records of event files against TensorBoard's own, and of checksums against RFC 3720.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { encodeEvent, frameRecord } from "../../src/io/event_record.ts";
import { crc32cByBits, maskedCrc, readRecords } from "./events.ts";

/** The records of TensorBoard's tests of its readers, as texts of one character per byte. */
const RECORDS = [
  {
    fileVersion: "brain.Event:1",
    text: '\x18\0\0\0\0\0\0\0\xa3\x7fK"\t\0\0\xc0%\xddu\xd5A\x1a\r' +
      "brain.Event:1\xec\xf32\x8d",
  },
  {
    fileVersion: "brain.Event:2",
    text: "\x18\0\0\0\0\0\0\0\xa3\x7fK\"\t\0\0\0'\xe6\xb3\xd5A\x1a\r" +
      "brain.Event:2jM\x0b\x15",
  },
];

/** Bytes and their CRC-32C, RFC 3720, appendix B.4. */
const CHECKSUMS: [bytes: number[], crc: number][] = [
  [Array(32).fill(0), 0x8a9136aa],
  [Array(32).fill(0xff), 0x62a8ab43],
  [Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  [Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
];

for (const { fileVersion, text } of RECORDS) {
  Deno.test(`encodeEvent() and frameRecord() write TensorBoard's record of ${fileVersion}`, () => {
    const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
    // After the length, its checksum and the tag of the first field.
    const wallTime = new DataView(bytes.buffer).getFloat64(13, true);
    const event = encodeEvent({ wallTime, step: 0 }, { fileVersion });
    assertEquals(frameRecord(event), bytes);
  });
}

Deno.test("frameRecord() has the checksums of RFC 3720, masked", () => {
  for (const [numbers, crc] of CHECKSUMS) {
    const data = Uint8Array.from(numbers);
    assertEquals(crc32cByBits(data), crc);
    const record = frameRecord(data);
    const view = new DataView(record.buffer);
    assertEquals(view.getBigUint64(0, true), 32n);
    assertEquals(view.getUint32(12 + 32, true), maskedCrc(data));
  }
});

Deno.test("frameRecord() frames data of any length", () => {
  const lengths = [0, 1, 255, 256, 70_000];
  const records = lengths.map((length) =>
    Uint8Array.from({ length }, (_, i) => i * 31)
  );
  const file = new Uint8Array(
    records.flatMap((data) => [...frameRecord(data)]),
  );
  assertEquals(readRecords(file), records);
});
