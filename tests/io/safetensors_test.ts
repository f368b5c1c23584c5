/**
 * Tests of writing the safetensors format: its bytes, read independently.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { encodeSafetensors } from "../../src/io/safetensors.ts";
import { join, METADATA, TENSORS } from "./safetensors_files.ts";

Deno.test("encodeSafetensors() lays out length, header and data as the format says", () => {
  const bytes = join(
    encodeSafetensors({ tensors: TENSORS, metadata: METADATA }),
  );
  let length = 0;
  for (let i = 7; i >= 0; i--) length = length * 256 + bytes[i];
  const text = new TextDecoder().decode(bytes.slice(8, 8 + length));
  assert(text.startsWith("{") && text.trimEnd().endsWith("}"));
  const { __metadata__: metadata, ...entries } = JSON.parse(text);
  assertEquals(metadata, METADATA);
  assertEquals(Object.keys(entries), [...TENSORS.keys()]);
  const data = bytes.slice(8 + length);
  let end = 0;
  for (const [name, { shape, values }] of TENSORS) {
    const { dtype, shape: written, data_offsets: offsets } = entries[name];
    assertEquals([dtype, written], ["F32", shape]);
    assertEquals(offsets, [end, end + 4 * values.length]);
    const view = new DataView(data.buffer);
    values.forEach((value, i) =>
      assertEquals(view.getFloat32(offsets[0] + 4 * i, true), value)
    );
    end = offsets[1];
  }
  assertEquals(data.length, end);
});

Deno.test("encodeSafetensors() aligns the data", () => {
  for (const name of ["w", "kernel", "conv2d_1.kernel"]) {
    const values = new Float32Array(1);
    const [length, header] = encodeSafetensors({
      tensors: new Map([[name, { shape: [1], values }]]),
      metadata: {},
    });
    assertEquals((length.length + header.length) % 8, 0);
  }
});

Deno.test("encodeSafetensors() asks for values one tensor at a time", () => {
  const asked: string[] = [];
  const tensors = new Map(["a", "b"].map((name) => [name, {
    shape: [1],
    get values() {
      asked.push(name);
      return new Float32Array(1);
    },
  }]));
  const pieces = encodeSafetensors({ tensors, metadata: {} });
  const seen = Array.from({ length: 4 }, () => {
    pieces.next();
    return asked.join();
  });
  assertEquals(seen, ["", "", "a", "a,b"]);
});
