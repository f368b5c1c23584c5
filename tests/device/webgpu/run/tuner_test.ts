/** Tests of the tuner on operations that take a known time, by a clock that they move. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import {
  throwIfDeviceFailed,
  type TunedOperation,
} from "../../../../src/device/device.ts";
import { tf } from "../../../../src/device/tf.ts";
import { makeOutput } from "../../../../src/device/webgpu/run/dispatch.ts";
import { tuneOperations } from "../../../../src/device/webgpu/run/tuner.ts";
import {
  chooseWays,
  chosenWays,
  type Operation,
  runOperation,
} from "../../../../src/device/webgpu/run/ways.ts";
import { webgpuTest } from "../../../device.ts";
import { webgpuBackend } from "../run.ts";

/** Milliseconds of each way of an operation, by a clock that nothing else moves. */
type Costs = Readonly<Record<string, number | (() => number)>>;

/** A clock that operations move, in place of the machine's. */
class Clock {
  ms = 0;
  /** Names of what ran, in order. */
  readonly ran: string[] = [];

  constructor(readonly backend: WebGPUBackend) {
    const value = () => this.ms;
    Object.defineProperty(performance, "now", { value, configurable: true });
  }

  /** Makes an operation; the first way is the usual. */
  operation(
    key: string,
    costs: Costs,
    inner: Readonly<Record<string, () => void>> = {},
  ): Operation {
    const ways = Object.entries(costs).map(([name, cost]) => ({
      name,
      fits: true as const,
      run: (backend: WebGPUBackend) => {
        inner[name]?.();
        this.ms += typeof cost === "number" ? cost : cost();
        this.ran.push(`${key} ${name}`);
        return makeOutput(backend, [1]);
      },
    }));
    return { key, what: key, ways };
  }

  [Symbol.dispose]() {
    delete (performance as { now?: unknown }).now;
    chooseWays(this.backend, new Map());
  }
}

/** Runs operations on tensors that it frees. */
function _run(
  backend: WebGPUBackend,
  operations: readonly Operation[],
  inputs: readonly TensorInfo[] = [],
): void {
  for (const operation of operations) {
    backend.disposeData(runOperation(backend, operation, inputs, {}).dataId);
  }
}

async function tune(
  backend: WebGPUBackend,
  operations: readonly Operation[],
  known: readonly string[] = [],
): Promise<TunedOperation[]> {
  const count = () => [tf.memory().numTensors, backend.numDataIds()];
  const before = count();
  const work = () => _run(backend, operations);
  const isKnown = ({ key }: { key: string }) => known.includes(key);
  const all: TunedOperation[] = [];
  for await (const tuned of tuneOperations(backend, work, isKnown)) {
    all.push(tuned);
  }
  assertEquals(count(), before, "tensors");
  throwIfDeviceFailed();
  return all;
}

webgpuTest(
  "tuneOperations() chooses the fastest way, from then on",
  async () => {
    const backend = await webgpuBackend();
    using clock = new Clock(backend);
    chooseWays(backend, new Map([["other", "kept"]]));
    const operation = clock.operation("a", { slow: 20, fast: 5, middle: 10 });
    assertEquals(await tune(backend, [operation, operation]), [
      { key: "a", way: "fast", ms: 5, usual: "slow", usualMs: 20 },
    ]);
    const chosen = new Map([["other", "kept"], ["a", "fast"]]);
    assertEquals(chosenWays(backend), chosen);
    _run(backend, [operation]);
    assertEquals(clock.ran.at(-1), "a fast");
  },
);

for (const [saved, way] of [[0.03, "usual"], [0.05, "other"]] as const) {
  webgpuTest(
    `tuneOperations() chooses the ${way} way where the other saves ${saved}`,
    async () => {
      const backend = await webgpuBackend();
      using clock = new Clock(backend);
      const other = 100 * (1 - saved);
      const operation = clock.operation("a", { usual: 100, other });
      assertEquals(await tune(backend, [operation]), [
        {
          key: "a",
          way,
          ms: way === "usual" ? 100 : other,
          usual: "usual",
          usualMs: 100,
        },
      ]);
    },
  );
}

webgpuTest(
  "tuneOperations() is not led astray by a machine that is slow or fast at times",
  async () => {
    const backend = await webgpuBackend();
    using clock = new Clock(backend);
    let runs = 0;
    // A fifth of the runs take ten times as long, others next to nothing.
    const unsteady = (ms: number) => () =>
      [ms, 10 * ms, ms, 0.1, ms][runs++ % 5];
    const operation = clock.operation("a", {
      usual: unsteady(100),
      fast: unsteady(80),
    });
    const [{ way, ms, usualMs }] = await tune(backend, [operation]);
    assertEquals([way, ms, usualMs], ["fast", 80, 100]);
  },
);

webgpuTest(
  "tuneOperations() measures what is short often enough, and hopeless ways once",
  async () => {
    const backend = await webgpuBackend();
    using clock = new Clock(backend);
    const operation = clock.operation("a", {
      usual: 1,
      hopeless: 100,
    });
    await tune(backend, [operation]);
    const count = (way: string) =>
      clock.ran.filter((name) => name === `a ${way}`).length;
    // Waiting for the device takes Deno about 11 ms, so less than 50 ms at a time say little.
    assert(count("usual") >= 3 * 50, `${count("usual")}`);
    // To find out what it consists of, to compile it, to see how long it takes, and to measure it.
    assert(count("hopeless") <= 4, `${count("hopeless")}`);
  },
);

webgpuTest(
  "tuneOperations() tunes what a way consists of before the way",
  async () => {
    const backend = await webgpuBackend();
    using clock = new Clock(backend);
    const inner = clock.operation("inner", { slow: 50, fast: 10 });
    const outer = clock.operation("outer", { plain: 30, made: 5 }, {
      made: () => _run(backend, [inner]),
    });
    // Only as the inner operation takes 10 by then is 15 less than 30.
    assertEquals(await tune(backend, [outer, inner]), [
      { key: "inner", way: "fast", ms: 10, usual: "slow", usualMs: 50 },
      { key: "outer", way: "made", ms: 15, usual: "plain", usualMs: 30 },
    ]);
  },
);

webgpuTest(
  "tuneOperations() leaves operations with one way, and those that are known, as they are",
  async () => {
    const backend = await webgpuBackend();
    using clock = new Clock(backend);
    const operations = [
      clock.operation("one", { only: 10 }),
      clock.operation("known", { slow: 20, fast: 5 }),
      clock.operation("new", { slow: 20, fast: 5 }),
    ];
    const tuned = await tune(backend, operations, ["known"]);
    assertEquals(tuned.map(({ key }) => key), ["new"]);
    assertEquals(chosenWays(backend), new Map([["new", "fast"]]));
    const others = clock.ran.filter((name) => !name.startsWith("new"));
    assertEquals(others, ["one only", "known slow"]);
  },
);

webgpuTest(
  "tuneOperations() measures on tensors of the same shapes and types, and frees them if it is left or something fails",
  async () => {
    const backend = await webgpuBackend();
    using clock = new Clock(backend);
    const inputs = [tf.ones([3, 5]), tf.ones([7], "int32")];
    const count = () => [tf.memory().numTensors, backend.numDataIds()];
    const before = count();
    const seen = new Set<string>();
    const operation = clock.operation("a", { slow: 20, fast: 5 });
    const watched = (key: string, fails: boolean): Operation => ({
      key,
      what: key,
      ways: operation.ways.map((way) => ({
        ...way,
        run(backend, tensors, options) {
          const types = tensors.map(({ shape, dtype }) => [shape, dtype]);
          seen.add(JSON.stringify(types));
          if (fails && way.name === "fast") throw new Error("broken");
          return way.run(backend, tensors, options);
        },
      })),
    });
    const never = () => false;
    const two = [watched("a", false), watched("b", false)];
    const work = () => _run(backend, two, inputs);
    for await (const { key } of tuneOperations(backend, work, never)) {
      assertEquals(key, "a");
      break;
    }
    assertEquals(count(), before);
    assertEquals([...seen], ['[[[3,5],"float32"],[[7],"int32"]]']);
    const broken = () => _run(backend, [watched("c", true)], inputs);
    await assertRejects(
      () => tuneOperations(backend, broken, never).next(),
      Error,
      "broken",
    );
    assertEquals(count(), before);
    tf.dispose(inputs);
  },
);
