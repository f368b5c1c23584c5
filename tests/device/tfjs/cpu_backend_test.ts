/** Tests of memory that is used again. */

import { assert, assertEquals } from "@std/assert";
import { CpuMemory } from "../../../src/device/tfjs/cpu_backend.ts";

/** Elements of the least memory that is kept, 64 KB. */
const LEAST = 1 << 14;

/** Where memory begins that lies at a cache line. */
const LINE = 64n;

Deno.test("CpuMemory.floats() gives arrays of any length, large ones at a cache line", () => {
  const memory = new CpuMemory();
  for (const length of [0, 1, 100, LEAST - 1, LEAST, LEAST + 1, 3 * LEAST]) {
    const values = memory.floats(length);
    assertEquals(values.length, length);
    if (length >= LEAST) assertEquals(addressOf(values) % LINE, 0n);
    const bytes = memory.bytes(4 * length);
    assertEquals(bytes.length, 4 * length);
    if (length >= LEAST) assertEquals(addressOf(bytes) % LINE, 0n);
  }
});

Deno.test("CpuMemory gives memory again once the last holder has released it", () => {
  const memory = new CpuMemory();
  const values = memory.floats(LEAST);
  assertEquals(memory.holders(values), 0);
  memory.hold(values);
  // A part shares the memory.
  memory.hold(values.subarray(10, 20));
  assertEquals(memory.holders(values), 2);
  memory.release(values);
  assertEquals(memory.holders(values), 1);
  assert(memory.floats(LEAST).buffer !== values.buffer);
  assertEquals(memory.freeBytes, 0);
  memory.release(values.subarray(10, 20));
  assertEquals(memory.holders(values), undefined);
  assertEquals(memory.freeBytes, values.buffer.byteLength);
  const again = memory.floats(LEAST);
  assert(again.buffer === values.buffer);
  assertEquals(addressOf(again) % LINE, 0n);
  assertEquals(memory.freeBytes, 0);
});

Deno.test("CpuMemory takes back what nobody ever held", () => {
  const memory = new CpuMemory();
  const values = memory.floats(LEAST);
  memory.release(values);
  assert(memory.bytes(4 * LEAST).buffer === values.buffer);
});

Deno.test("CpuMemory gives the smallest that fits, and none of more than twice the size", () => {
  const memory = new CpuMemory();
  const [large, small, middle] = [4, 1, 2].map((n) => memory.floats(n * LEAST));
  for (const values of [large, small, middle]) memory.release(values);
  // All are too large, or too small.
  assert(
    ![large, small, middle].some(({ buffer }) =>
      buffer === memory.floats(LEAST / 4).buffer
    ),
  );
  assert(memory.floats(LEAST + 1).buffer === middle.buffer);
  // Small is too small for it, and large is not.
  assert(memory.floats(3 * LEAST).buffer === large.buffer);
  const other = memory.floats(3 * LEAST);
  assert(other.buffer !== small.buffer);
  memory.release(other);
  // It has three times as much.
  assert(memory.floats(LEAST).buffer === small.buffer);
  assert(memory.floats(LEAST).buffer !== other.buffer);
});

Deno.test("CpuMemory keeps no more than was lent at a time, and as much again, whatever the sizes", () => {
  const memory = new CpuMemory();
  // Arrays that grow, then shrink; each is released before the next.
  const lengths = Array.from({ length: 400 }, (_, i) => Math.min(i, 400 - i));
  for (const length of lengths) {
    memory.release(memory.floats(2 * LEAST + 1000 * length));
    const most = 2 * 4 * (2 * LEAST + 1000 * 200 + 16);
    assert(memory.freeBytes <= most, `${memory.freeBytes} bytes`);
  }
  assertEquals(memory.lentBytes, 0);
});

Deno.test("CpuMemory does not keep small arrays", () => {
  const memory = new CpuMemory();
  const values = memory.floats(LEAST / 4);
  memory.hold(values);
  assertEquals(memory.holders(values), 1);
  memory.release(values);
  assertEquals(memory.holders(values), undefined);
  assertEquals([memory.freeBytes, memory.lentBytes], [0, 0]);
});

Deno.test("CpuMemory leaves arrays of others alone", () => {
  const memory = new CpuMemory();
  const others = [new Float32Array(LEAST), [1, 2], undefined, "text"];
  for (const values of others) {
    memory.hold(values);
    assertEquals(memory.holders(values), undefined);
    memory.release(values);
  }
  assertEquals([memory.freeBytes, memory.lentBytes], [0, 0]);
  assert(memory.floats(LEAST).buffer !== (others[0] as Float32Array).buffer);
});

Deno.test("CpuMemory counts what is lent and what is kept", () => {
  const memory = new CpuMemory();
  const values = [1, 2, 3].map((n) => memory.floats(n * LEAST));
  const sum = values.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  assertEquals([memory.lentBytes, memory.freeBytes], [sum, 0]);
  const [{ buffer: { byteLength } }] = values;
  memory.release(values[0]);
  assertEquals([memory.lentBytes, memory.freeBytes], [
    sum - byteLength,
    byteLength,
  ]);
  // Once is enough.
  memory.release(values[0]);
  assertEquals(memory.lentBytes, sum - byteLength);
});

function addressOf({ buffer, byteOffset }: ArrayBufferView): bigint {
  const start = Deno.UnsafePointer.of(buffer as ArrayBuffer);
  return Deno.UnsafePointer.value(start) + BigInt(byteOffset);
}
