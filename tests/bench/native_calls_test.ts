import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  makeOperands,
  type NativeOperands,
  nativeProducts,
  nativeRest,
  timeCalls,
} from "../../bench/native_calls.ts";
import type { HostTiming } from "../../bench/report.ts";
import { gflopPerImage, trainingStep } from "../../bench/step.ts";
import { findOneDnn } from "../../src/device/onednn/library/library.ts";
import { cpuBackend, primitives } from "../../src/device/onednn/tensors.ts";
import { alexnet } from "../../src/models/alexnet.ts";
import type { Sequential } from "../../src/nn/sequential.ts";
import { use } from "../device.ts";

const { missing } = findOneDnn();

/** Elements of AlexNet's largest tensor where there are few images: the kernel of the first dense layer. */
const MAX_SIZE = 6400 * 4096;

function nativeTest(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: `${name}${missing ? ` (ignored, as ${missing})` : ""}`,
    ignore: missing !== undefined,
    fn,
  });
}

nativeTest(
  "nativeProducts() are all that a training step multiplies",
  async () => {
    await use("cpu");
    const products = nativeProducts(makeOperands(MAX_SIZE), 4);
    const sum = products.reduce((sum, { gflop }) => sum + gflop!, 0);
    const net = alexnet();
    const expected = 4 * gflopPerImage(net.summary());
    assertAlmostEquals(sum, expected, 1e-9 * expected);
    net.dispose();
  },
);

nativeTest(
  "nativeProducts() and nativeRest() call for what a training step calls for, and for nothing else",
  async () => {
    await use("cpu");
    const net = alexnet();
    const operands = makeOperands(MAX_SIZE);
    // Of each batch size, other operations are made ready.
    run(timings(net, operands, 2));
    assertEquals(newOf(() => step(net, 2)), []);
    step(net, 3);
    assertEquals(newOf(() => run(timings(net, operands, 3))), []);
    net.dispose();
  },
);

nativeTest(
  "nativeRest() changes weights by less than 1e-12 a call",
  async () => {
    await use("cpu");
    const net = alexnet();
    const [kernel] = net.getWeights();
    const before = await kernel.data();
    const timings = timeCalls(nativeRest(net, makeOperands(MAX_SIZE), 2));
    run(timings.filter(({ name }) => name === "SGD"));
    const after = await kernel.data();
    const changes = Array.from(
      after,
      (value, i) => Math.abs(value - before[i]),
    );
    const largest = Math.max(...changes);
    assert(largest > 0 && largest < 1e-12, `${largest}`);
    net.dispose();
  },
);

nativeTest(
  "timeCalls() frees what is computed, and knows by which implementation",
  async () => {
    await use("cpu");
    const operands = makeOperands(MAX_SIZE);
    const timings = timeCalls(nativeProducts(operands, 1));
    run(timings);
    const count = cpuBackend().numDataIds();
    run(timings);
    assertEquals(cpuBackend().numDataIds(), count);
    for (const { name, implementation } of timings) {
      assert(implementation!() !== "", name);
    }
  },
);

function timings(
  net: Sequential,
  operands: NativeOperands,
  batch: number,
): HostTiming[] {
  return timeCalls([
    ...nativeProducts(operands, batch),
    ...nativeRest(net, operands, batch),
  ]);
}

function run(timings: readonly HostTiming[]): void {
  for (const { run } of timings) run();
}

/** A step of a network that the caller still owns. */
function step(net: Sequential, batch: number): void {
  trainingStep(net, batch).run();
}

/** What was made ready meanwhile: operations and sizes. */
function newOf(run: () => void): string[] {
  const before = new Set(primitives.keys());
  run();
  return [...primitives.keys()].filter((key) => !before.has(key));
}
