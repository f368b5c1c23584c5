/** Tests of calling oneDNN: what it refuses becomes an error, and what does not fit never reaches it. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  addScaled,
  type Arrays,
  makePrimitive,
  type Primitive,
} from "../../../../src/device/onednn/library/primitive.ts";
import type {
  NativeValue,
  OneDnn,
} from "../../../../src/device/onednn/library/library.ts";
import type { Layout } from "../../../../src/device/onednn/library/describe.ts";
import { BackendError } from "../../../../src/errors.ts";
import { nativeTest } from "../../../native.ts";

nativeTest(
  "OneDnn.call() throws the library's status, in one line",
  (library) => {
    const error = assertThrows(
      () => library.call("dnnl_stream_wait", null),
      BackendError,
      `oneDNN ${library.version} failed in dnnl_stream_wait: invalid arguments`,
    );
    assert(!error.message.includes("\n"));
  },
);

nativeTest(
  "OneDnn.make() throws where the library makes nothing",
  (library) => {
    // Kind 99 is no kind of engine.
    assertThrows(
      () => library.make("dnnl_engine_create", 99, 0n),
      BackendError,
      "failed in dnnl_engine_create: invalid arguments",
    );
  },
);

nativeTest("findOneDnn() says which library it found", (library) => {
  assertMatch(library.version, /^[23]\.\d+\.\d+$/);
  assertEquals(library.major, Number(library.version[0]));
  assert(library.path.length > 0);
  assert(library.threads === undefined || library.threads >= 1);
  assert((library.threads ?? 1) <= navigator.hardwareConcurrency);
});

const ROWS: Layout = { dims: [2, 3], strides: [3, 1] };
const DEPTHS: Layout = { dims: [3, 4], strides: [4, 1] };
const COLUMNS: Layout = { dims: [2, 4], strides: [4, 1] };

nativeTest(
  "makePrimitive() throws where the library cannot compute an operation",
  (library) => {
    const wrong: Layout = { dims: [5, 4], strides: [4, 1] };
    assertThrows(
      () =>
        makePrimitive(library, {
          kind: "product",
          a: ROWS,
          b: wrong,
          y: COLUMNS,
        }, { x: ROWS, kernel: wrong, y: COLUMNS }),
      BackendError,
      `oneDNN ${library.version} failed in dnnl_matmul`,
    );
  },
);

nativeTest(
  "Primitive.run() computes, and names its implementation",
  (library) => {
    const { primitive, calls } = _product(library);
    const y = new Float32Array(8);
    primitive.run({ x: iota(6), kernel: iota(12), y });
    assertEquals([...y], [20, 23, 26, 29, 56, 68, 80, 92]);
    assert(calls.includes("dnnl_primitive_execute"));
    assertEquals(calls.at(-1), "dnnl_stream_wait");
    assert(primitive.implementation.length > 3);
  },
);

const GOOD = () => ({ x: iota(6), kernel: iota(12) });
/** What must not reach the library, and how the error names it. */
const BAD: Readonly<Record<string, [arrays: Partial<Arrays>, what: string]>> = {
  "a short array": [
    { x: iota(5) },
    "its x is Float32Array of 5: expected Float32Array of 6",
  ],
  "a long array": [
    { kernel: iota(13) },
    "its kernel is Float32Array of 13: expected Float32Array of 12",
  ],
  "an array of another type": [
    { x: new Uint8Array(6) },
    "its x is Uint8Array of 6: expected Float32Array of 6",
  ],
  "no array": [
    { kernel: undefined },
    "its kernel is nothing: expected Float32Array of 12",
  ],
  "an array whose memory went elsewhere": [
    { x: detached(6) },
    "its x is Float32Array of 0: expected Float32Array of 6",
  ],
};
for (const [what, [bad, message]] of Object.entries(BAD)) {
  nativeTest(`Primitive.run() calls nothing with ${what}`, (library) => {
    const { primitive, calls } = _product(library);
    calls.length = 0;
    const y = new Float32Array(8).fill(7);
    const error = assertThrows(
      () => primitive.run({ ...GOOD(), y, ...bad }),
      BackendError,
      `Cannot compute product as ${message}`,
    );
    assert(!error.message.includes("\n"));
    assertEquals(calls, []);
    assertEquals(y, new Float32Array(8).fill(7));
  });
}

nativeTest(
  "Primitive.run() calls nothing with an output that does not fit",
  (library) => {
    const { primitive, calls } = _product(library);
    for (const y of [new Float32Array(7), new Float32Array(9), undefined]) {
      calls.length = 0;
      const error = assertThrows(
        () => primitive.run({ ...GOOD(), y }),
        BackendError,
      );
      assertMatch(error.message, /its y is (nothing|Float32Array of [79]):/);
      assertEquals(calls, []);
    }
  },
);

nativeTest("addScaled() computes alpha x + beta y in place", (library) => {
  const y = Float32Array.of(1, NaN, 3);
  const x = Float32Array.of(10, 20, 30);
  addScaled(library, { alpha: 0.5, x, beta: 0, y });
  assertEquals([...y], [5, 10, 15]);
  addScaled(library, { alpha: -1, x, beta: 2, y });
  assertEquals([...y], [0, 0, 0]);
  assertEquals([...x], [10, 20, 30]);
});

nativeTest(
  "addScaled() calls nothing with arrays that do not fit",
  (library) => {
    const { watched, calls } = watch(library);
    const y = Float32Array.of(1, 2, 3);
    const bad = [
      { x: new Float32Array(2), y },
      { x: new Float32Array(4), y },
      { x: new Uint8Array(3), y },
      { x: undefined, y },
      { x: new Float32Array(3), y: new Float64Array(3) },
    ];
    for (const arrays of bad) {
      assertThrows(
        () =>
          addScaled(
            watched,
            { alpha: 1, beta: 1, ...arrays } as Parameters<typeof addScaled>[1],
          ),
        BackendError,
        "Cannot compute a sum as its",
      );
    }
    // Of nothing there is nothing to compute.
    const none = new Float32Array();
    addScaled(watched, { alpha: 1, x: none, beta: 1, y: none });
    assertEquals(calls, []);
    assertEquals([...y], [1, 2, 3]);
  },
);

/** The library, and the names of the functions that are called from now on. */
function watch(library: OneDnn): { watched: OneDnn; calls: string[] } {
  const calls: string[] = [];
  const call: OneDnn["call"] = (name, ...values: NativeValue[]) => {
    calls.push(name);
    library.call(name, ...values);
  };
  return { watched: { ...library, call }, calls };
}

/** A product of matrices of 2x3 and 3x4. */
function _product(
  library: OneDnn,
): { primitive: Primitive; calls: string[] } {
  const { watched, calls } = watch(library);
  const primitive = makePrimitive(
    watched,
    { kind: "product", a: ROWS, b: DEPTHS, y: COLUMNS },
    { x: ROWS, kernel: DEPTHS, y: COLUMNS },
  );
  return { primitive, calls };
}

function iota(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => i);
}

function detached(length: number): Float32Array {
  const values = new Float32Array(length);
  structuredClone(values.buffer, { transfer: [values.buffer] });
  return values;
}
