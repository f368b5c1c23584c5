/**
 * Tests of safetensors files: the bytes that are written, what is read of them, and what is refused, in one line that says where
 * and why.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DataError } from "../../src/errors.ts";
import {
  encodeSafetensors,
  openSafetensors,
} from "../../src/io/safetensors.ts";
import { makeFolder } from "../data/folder.ts";
import {
  join,
  METADATA,
  readSafetensors,
  TENSORS,
  withHeader,
} from "./safetensors_files.ts";

const WHOLE = join(encodeSafetensors({ tensors: TENSORS, metadata: METADATA }));

Deno.test("encodeSafetensors() lays out length, header and data as the format says", () => {
  let length = 0;
  for (let i = 7; i >= 0; i--) length = length * 256 + WHOLE[i];
  const text = new TextDecoder().decode(WHOLE.slice(8, 8 + length));
  assert(text.startsWith("{") && text.trimEnd().endsWith("}"));
  const { __metadata__: metadata, ...entries } = JSON.parse(text);
  assertEquals(metadata, METADATA);
  assertEquals(Object.keys(entries), [...TENSORS.keys()]);
  const data = WHOLE.slice(8 + length);
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

Deno.test("SafetensorsFile.read() reads what encodeSafetensors() wrote", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/file`;
  await Deno.writeFile(path, WHOLE);
  const { tensors, metadata } = await readSafetensors(path);
  assertEquals(metadata, METADATA);
  assertEquals([...tensors.keys()], [...TENSORS.keys()]);
  for (const [name, { shape, values }] of TENSORS) {
    assertEquals(tensors.get(name)?.shape, shape);
    assertEquals([...tensors.get(name)!.values], [...values]);
  }
});

Deno.test("openSafetensors() takes tensors in any order, types that it need not read, and no metadata", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/file`;
  await Deno.writeFile(
    path,
    withHeader({
      last: { dtype: "F32", shape: [1], data_offsets: [8, 12] },
      first: { dtype: "I64", shape: [1], data_offsets: [0, 8] },
    }, 12),
  );
  using file = await openSafetensors(path);
  assertEquals([...file.entries.keys()], ["last", "first"]);
  assertEquals(file.metadata, {});
  assertEquals([...(await file.read("last")).values], [0]);
  await assertRejects(
    () => file.read("first"),
    DataError,
    `Cannot read ${path}: tensor first has type I64, and only F32 is supported`,
  );
  await assertRejects(
    () => file.read("second"),
    DataError,
    "it has no tensor second",
  );
});

Deno.test("openSafetensors() says so when a file is cut off while it is read", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/file`;
  await Deno.writeFile(path, WHOLE);
  using file = await openSafetensors(path);
  await Deno.truncate(path, WHOLE.length - 2);
  await assertRejects(
    () => file.read("__proto__"),
    DataError,
    `Cannot read ${path}: it ended at byte ${WHOLE.length - 2} while`,
  );
});

/** A tensor of one number, with other properties. */
const entry = (others: object = {}) => ({
  w: { dtype: "F32", shape: [1], data_offsets: [0, 4], ...others },
});
const nested = "[".repeat(1e5);
const BAD: [what: string, bytes: Uint8Array, reason: string][] = [
  ["nothing", new Uint8Array(0), "it has 0 bytes: not a safetensors file"],
  ["seven bytes", new Uint8Array(7), "it has 7 bytes: not a safetensors file"],
  ["zeros", new Uint8Array(100), "its header does not begin with {: not a"],
  [
    "a page",
    new TextEncoder().encode("<html>Log in</html>"),
    "and at most 11 are possible: not a safetensors file, or truncated",
  ],
  ["half of the header", WHOLE.slice(0, 40), "at most 32 are possible"],
  [
    "a file without its last byte",
    WHOLE.slice(0, -1),
    "tensor __proto__ ends at byte 40 of 39: damaged, or truncated",
  ],
  [
    "a file with one byte more",
    join([WHOLE, new Uint8Array(1)]),
    "bytes 40 to 41 after its header belong to no tensor",
  ],
  ["a header that is no JSON", withHeader("{oops}  "), "header is not JSON"],
  [
    "a header that is not UTF-8",
    join([withHeader("{  "), Uint8Array.of(0xff)]).with(0, 4),
    "its header is not JSON",
  ],
  ["a header of a list", withHeader("[1]"), "its header does not begin with {"],
  ["a header that never ends", withHeader("{"), "its header is not JSON"],
  [
    "metadata that is not text",
    withHeader({ __metadata__: { n: 1 } }),
    "its header has metadata that is not text",
  ],
  ["metadata of null", withHeader({ __metadata__: null }), "metadata that"],
  ["a tensor of null", withHeader({ w: null }), "tensor w is not described"],
  [
    "a type that is none",
    withHeader(entry({ dtype: "F33" }), 4),
    'tensor w has unknown type "F33"',
  ],
  [
    "a type that is no text",
    withHeader(entry({ dtype: { a: 1 } }), 4),
    'tensor w has unknown type {"a":1}',
  ],
  [
    "no shape",
    withHeader({ w: { dtype: "F32" } }),
    "tensor w has a shape that",
  ],
  ["a shape of text", withHeader(entry({ shape: ["1"] }), 4), "not a list of"],
  ["a shape of parts", withHeader(entry({ shape: [0.5] }), 4), "not a list of"],
  ["a shape below 0", withHeader(entry({ shape: [-1, -1] }), 4), "not a list"],
  [
    "a shape of very many sizes",
    withHeader(entry({ shape: Array(33).fill(1) }), 4),
    "not a list of at most 32 sizes",
  ],
  [
    "a shape beyond all numbers",
    withHeader(entry({ shape: [2 ** 30, 2 ** 30] }), 4),
    "tensor w has a shape that is too large",
  ],
  [
    "no offsets",
    withHeader(entry({ data_offsets: undefined }), 4),
    "tensor w has data_offsets that are not two places",
  ],
  ["one offset", withHeader(entry({ data_offsets: [4] }), 4), "not two places"],
  [
    "offsets before the file",
    withHeader(entry({ data_offsets: [-4, 0] }), 4),
    "not two places",
  ],
  [
    "offsets that are not exact",
    withHeader('{"w":{"dtype":"F32","shape":[1],"data_offsets":[1e300,4]}}', 4),
    "not two places",
  ],
  [
    "offsets the wrong way round",
    withHeader(entry({ data_offsets: [4, 0] }), 4),
    "tensor w has bytes 4 to 0, and its shape [1] needs 4",
  ],
  [
    "offsets that do not fit the shape",
    withHeader(entry({ shape: [2] }), 4),
    "tensor w has bytes 0 to 4, and its shape [2] needs 8",
  ],
  [
    "offsets beyond the file",
    withHeader(entry({ shape: [2 ** 40], data_offsets: [0, 2 ** 42] }), 4),
    `tensor w ends at byte ${2 ** 42} of 4`,
  ],
  [
    "a hole before a tensor",
    withHeader(entry({ data_offsets: [4, 8] }), 8),
    "tensor w begins at byte 4, and the one before ends at byte 0",
  ],
  [
    "tensors that overlap",
    withHeader({ ...entry(), v: entry({ data_offsets: [2, 6] }).w }, 6),
    "tensor v begins at byte 2, and the one before ends at byte 4",
  ],
  [
    "two tensors in one place",
    withHeader({ ...entry(), v: entry().w }, 4),
    "begins at byte 0, and the one before ends at byte 4",
  ],
  [
    "a name that would write on the terminal",
    withHeader({ ["\u001b[2J\n\u009b" + "x".repeat(1000)]: null }),
    "tensor ?[2J??xxxx",
  ],
  [
    "nesting without end",
    withHeader(`{"w":${nested.slice(0, 60000)}`),
    "its header is not JSON",
  ],
];
for (const [what, bytes, reason] of BAD) {
  Deno.test(`openSafetensors() refuses ${what} in one line`, async () => {
    await using folder = await makeFolder();
    const path = `${folder.path}/weights.safetensors`;
    await Deno.writeFile(path, bytes);
    const { message, path: at } = await assertRejects(
      () => openSafetensors(path),
      DataError,
      reason,
    );
    assert(message.startsWith(`Cannot read ${path}: `), message);
    assert(!/\p{Cc}/u.test(message) && message.length < 400, message);
    assertEquals(at, path);
  });
}
