/** Readers of event files that share nothing with what writes them: frames by the book, messages by `protoc`. */

import { assertEquals } from "@std/assert";

/** CRC-32C bit by bit, as RFC 3720 defines it. */
function crc32cByBits(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    }
  }
  return ~crc >>> 0;
}

/** The masked checksum of TFRecord, in whole numbers instead of bits. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = BigInt(crc32cByBits(bytes));
  const rotated = crc / 2n ** 15n + crc % 2n ** 15n * 2n ** 17n;
  return Number((rotated + 0xa282ead8n) % 2n ** 32n);
}

/** The data of the records of an event file, whose frames it checks; what is left of a torn record is left out. */
export function readRecords(bytes: Uint8Array): Uint8Array<ArrayBuffer>[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at + 12 <= bytes.length;) {
    const length = Number(view.getBigUint64(at, true));
    assertEquals(
      view.getUint32(at + 8, true),
      maskedCrc(bytes.subarray(at, at + 8)),
    );
    const end = at + 12 + length;
    if (end + 4 > bytes.length) break;
    const data = bytes.slice(at + 12, end);
    assertEquals(view.getUint32(end, true), maskedCrc(data));
    records.push(data);
    at = end + 4;
  }
  return records;
}

/** What keeps `protoc` from being used, if anything. */
export const PROTOC_OBSTACLE: string | undefined = await new Deno.Command(
  "protoc",
  { args: ["--version"] },
).output().then(() => undefined, (error: Error) => error.message);

/** Has `protoc` write a message as text. */
export async function decodeEvent(event: Uint8Array): Promise<string> {
  const folder = new URL("../golden", import.meta.url).pathname;
  const process = new Deno.Command("protoc", {
    args: ["--decode=tensorboard.Event", `-I${folder}`, "event.proto"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(event);
  await writer.close();
  const { code, stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  assertEquals([code, decoder.decode(stderr)], [0, ""]);
  return decoder.decode(stdout).trim().replace(/\s+/g, " ");
}
