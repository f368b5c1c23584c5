/** Tests of operations that can be computed in several ways: which is taken, and who is told. */

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import {
  chooseWays,
  chosenWays,
  type Operation,
  runOperation,
  traceOperations,
  traceProgram,
} from "../../../../src/device/webgpu/run/ways.ts";

/** Of a backend, ways depend on nothing but its device and on what its tensors store. */
function makeBackend(device = {}, dtype = "float32"): WebGPUBackend {
  const tensorMap = { get: () => ({ dtype }) };
  return { device, tensorMap } as unknown as WebGPUBackend;
}

const TENSORS: readonly TensorInfo[] = [
  { dataId: {}, shape: [2, 3], dtype: "float32" },
];

const OPTIONS = { some: "options" };

/** An operation that notes how it was computed: by default slow, or else fast, but not in a way that does not fit. */
function makeOperation(
  options: Partial<Operation> & { inner?: () => void } = {},
): { operation: Operation; taken: string[] } {
  const taken: string[] = [];
  const way = (name: string, fits: true | string = true) => ({
    name,
    fits,
    run(_: unknown, tensors: readonly TensorInfo[], given: unknown) {
      assertStrictEquals(tensors, TENSORS);
      assertStrictEquals(given, OPTIONS);
      options.inner?.();
      taken.push(name);
      return tensors[0];
    },
  });
  const operation = {
    key: "fake,1",
    what: "fake of 1",
    ways: [way("wide", "too narrow"), way("slow"), way("fast")],
    ...options,
  };
  return { operation, taken };
}

function run(backend: WebGPUBackend, operation: Operation): TensorInfo {
  return runOperation(backend, operation, TENSORS, OPTIONS);
}

Deno.test("runOperation() takes the first way that fits and gives what it gives", () => {
  const { operation, taken } = makeOperation();
  assertStrictEquals(run(makeBackend(), operation), TENSORS[0]);
  assertEquals(taken, ["slow"]);
});

Deno.test("runOperation() takes the way that was chosen, until another is", () => {
  const backend = makeBackend();
  const { operation, taken } = makeOperation();
  const ways = new Map([["fake,1", "fast"], ["fake,2", "slow"]]);
  chooseWays(backend, ways);
  assertEquals(chosenWays(backend), ways);
  run(backend, operation);
  chooseWays(backend, new Map([["fake,1", "slow"]]));
  run(backend, operation);
  chooseWays(backend, new Map());
  run(backend, operation);
  assertEquals(taken, ["fast", "slow", "slow"]);
});

Deno.test("runOperation() takes the usual way where one was chosen that is unknown, does not fit or is of another operation", () => {
  const backend = makeBackend();
  const { operation, taken } = makeOperation();
  for (
    const [key, way] of [
      ["fake,1", "of an older version"],
      ["fake,1", "wide"],
      ["fake,10", "fast"],
    ]
  ) {
    chooseWays(backend, new Map([[key, way]]));
    run(backend, operation);
  }
  assertEquals(taken, ["slow", "slow", "slow"]);
});

Deno.test("runOperation() of what stores float16 is an operation of its own", () => {
  const backend = makeBackend({}, "float16");
  const { operation, taken } = makeOperation();
  chooseWays(backend, new Map([["fake,1", "fast"]]));
  run(backend, operation);
  chooseWays(backend, new Map([["fake,1,float16", "fast"]]));
  run(backend, operation);
  assertEquals(taken, ["slow", "fast"]);
});

Deno.test("chooseWays() is for all backends of a device, and for no other", () => {
  const device = {};
  const { operation, taken } = makeOperation();
  chooseWays(makeBackend(device), new Map([["fake,1", "fast"]]));
  run(makeBackend(device), operation);
  run(makeBackend(), operation);
  assertEquals(taken, ["fast", "slow"]);
  assertEquals(chosenWays(makeBackend()), new Map());
});

Deno.test("traceOperations() tells what ran in order, with what each operation consists of", () => {
  const backend = makeBackend();
  const program = { key: "program", code: "code" };
  const inner = makeOperation({
    key: "inner",
    inner: () => traceProgram(program.key, program.code),
  });
  const outer = makeOperation({ inner: () => run(backend, inner.operation) });
  const work = () => {
    run(backend, outer.operation);
    traceProgram("last", "code");
  };
  const trace = traceOperations(work);
  const ways = [
    { name: "wide", fits: "too narrow" },
    { name: "slow", fits: true },
    { name: "fast", fits: true },
  ];
  const described = (parts: typeof trace): unknown[] =>
    parts.map((part) =>
      "code" in part ? part : {
        key: part.key,
        what: part.what,
        way: part.way,
        ways: part.ways.map(({ name, fits }) => ({ name, fits })),
        tensors: part.tensors,
        parts: described(part.parts),
      }
    );
  const common = {
    what: "fake of 1",
    way: "slow",
    ways,
    tensors: [{ shape: [2, 3], stored: "float32" }],
  };
  assertEquals(described(trace), [
    {
      ...common,
      key: "fake,1",
      parts: [{ ...common, key: "inner", parts: [program] }],
    },
    { key: "last", code: "code" },
  ]);
  assertEquals([outer.taken, inner.taken], [["slow"], ["slow"]]);
  work();
  assertEquals(trace.length, 2, "no longer told");
});

Deno.test("traceOperations() nests: the inner one is told, and then the outer again", () => {
  const keys = (work: () => void) =>
    traceOperations(work).map(({ key }) => key);
  let inner: string[] = [];
  const outer = keys(() => {
    traceProgram("first", "");
    inner = keys(() => traceProgram("second", ""));
    traceProgram("third", "");
  });
  assertEquals([outer, inner], [["first", "third"], ["second"]]);
});

Deno.test("traceOperations() is over when the work or an operation throws", () => {
  const backend = makeBackend();
  const broken = makeOperation({
    inner: () => {
      throw new Error("broken");
    },
  });
  const trace = traceOperations(() => {
    const work = () => run(backend, broken.operation);
    assertThrows(work, Error, "broken");
    traceProgram("beside", "");
    assertThrows(() => traceOperations(work), Error, "broken");
    traceProgram("after", "");
  });
  assertEquals(trace.map(({ key }) => key), ["fake,1", "beside", "after"]);
});
