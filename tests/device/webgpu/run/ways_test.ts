/**
 * Tests of operations that can be computed in several ways: which is taken, and who is told.
 *
 * @module
 */

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import {
  chooseWays,
  chosenWays,
  observeOperations,
  type Operation,
  runOperation,
} from "../../../../src/device/webgpu/run/ways.ts";

/** Of a backend, ways depend on nothing but its device. */
function makeBackend(device = {}): WebGPUBackend {
  return { device } as WebGPUBackend;
}

const TENSORS: readonly TensorInfo[] = [
  { dataId: {}, shape: [2, 3], dtype: "float32" },
];

/** An operation that notes how it was computed. */
function makeOperation(
  options: Partial<Omit<Operation, "run">> = {},
): { operation: Operation; taken: string[] } {
  const taken: string[] = [];
  const operation = {
    key: "fake,1",
    ways: ["slow", "fast"],
    usual: "slow",
    ...options,
    run(way: string, tensors: readonly TensorInfo[]) {
      assertStrictEquals(tensors, TENSORS);
      taken.push(way);
      return tensors[0];
    },
  };
  return { operation, taken };
}

Deno.test("runOperation() takes the usual way and gives what it gives", () => {
  const { operation, taken } = makeOperation({ usual: "fast" });
  const result = runOperation(makeBackend(), operation, TENSORS);
  assertStrictEquals(result, TENSORS[0]);
  assertEquals(taken, ["fast"]);
});

Deno.test("runOperation() takes the way that was chosen, until another is", () => {
  const backend = makeBackend();
  const { operation, taken } = makeOperation();
  const ways = new Map([["fake,1", "fast"], ["fake,2", "slow"]]);
  chooseWays(backend, ways);
  assertEquals(chosenWays(backend), ways);
  runOperation(backend, operation, TENSORS);
  chooseWays(backend, new Map([["fake,1", "slow"]]));
  runOperation(backend, operation, TENSORS);
  chooseWays(backend, new Map());
  runOperation(backend, operation, TENSORS);
  assertEquals(taken, ["fast", "slow", "slow"]);
});

Deno.test("runOperation() takes the usual way where an unknown one, or that of another operation was chosen", () => {
  const backend = makeBackend();
  const { operation, taken } = makeOperation();
  chooseWays(backend, new Map([["fake,1", "of an older version"]]));
  runOperation(backend, operation, TENSORS);
  chooseWays(backend, new Map([["fake,10", "fast"]]));
  runOperation(backend, operation, TENSORS);
  assertEquals(taken, ["slow", "slow"]);
});

Deno.test("chooseWays() is for all backends of a device, and for no other", () => {
  const device = {};
  const { operation, taken } = makeOperation();
  chooseWays(makeBackend(device), new Map([["fake,1", "fast"]]));
  runOperation(makeBackend(device), operation, TENSORS);
  runOperation(makeBackend(), operation, TENSORS);
  assertEquals(taken, ["fast", "slow"]);
  assertEquals(chosenWays(makeBackend()), new Map());
});

Deno.test("observeOperations() tells of operations with several ways before they run", () => {
  const backend = makeBackend();
  const several = makeOperation();
  const one = makeOperation({ key: "fake,2", ways: ["slow"] });
  const seen: unknown[] = [];
  const result = observeOperations(backend, () => {
    runOperation(backend, several.operation, TENSORS);
    runOperation(backend, one.operation, TENSORS);
    return 7;
  }, (operation, tensors) => {
    assertEquals(several.taken, []);
    seen.push([operation, tensors]);
  });
  assertEquals(result, 7);
  assertEquals(seen.length, 1);
  assertEquals(seen, [[several.operation, TENSORS]]);
  assertEquals([several.taken, one.taken], [["slow"], ["slow"]]);
  runOperation(backend, several.operation, TENSORS);
  assertEquals(seen.length, 1, "no longer told");
});

Deno.test("observeOperations() nests: the inner one is told, and then the outer again", () => {
  const backend = makeBackend();
  const { operation } = makeOperation();
  const told: string[] = [];
  const run = () => runOperation(backend, operation, TENSORS);
  observeOperations(backend, () => {
    run();
    observeOperations(backend, run, () => told.push("inner"));
    run();
  }, () => told.push("outer"));
  run();
  assertEquals(told, ["outer", "inner", "outer"]);
});

Deno.test("observeOperations() is over when the work throws", () => {
  const backend = makeBackend();
  const { operation } = makeOperation();
  const told: string[] = [];
  const run = () => runOperation(backend, operation, TENSORS);
  observeOperations(backend, () => {
    assertThrows(
      () =>
        observeOperations(backend, () => {
          run();
          throw new Error("broken");
        }, () => told.push("inner")),
      Error,
      "broken",
    );
    run();
  }, () => told.push("outer"));
  run();
  assertEquals(told, ["inner", "outer"]);
});

Deno.test("observeOperations() is over when the observer throws", () => {
  const backend = makeBackend();
  const { operation, taken } = makeOperation();
  const run = () => runOperation(backend, operation, TENSORS);
  const refuse = () => {
    throw new Error("refused");
  };
  const observe = () => observeOperations(backend, run, refuse);
  assertThrows(observe, Error, "refused");
  run();
  assertEquals(taken, ["slow"]);
});
