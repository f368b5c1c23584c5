import { assert, assertEquals } from "@std/assert";
import { alexnetProducts } from "../../bench/alexnet_products.ts";
import type { HostTiming } from "../../bench/host_timings.ts";
import {
  makeOperands,
  type NativeOperands,
  timeCalls,
} from "../../bench/native_call.ts";
import { nativeProducts } from "../../bench/native_products.ts";
import { nativeRest } from "../../bench/native_rest.ts";
import { trainingStep } from "../../bench/step.ts";
import { findOneDnn } from "../../src/device/onednn/library/library.ts";
import {
  cpuBackend,
  implementations,
} from "../../src/device/onednn/tensors.ts";
import { alexnet } from "../../src/models/alexnet.ts";
import type { Sequential } from "../../src/nn/sequential.ts";
import { use } from "../device.ts";

const { missing } = findOneDnn();

/** Elements of AlexNet's largest tensor where there are few images: the kernel of the first dense layer. */
const MAX_SIZE = 6400 * 4096;

function _nativeTest(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: `${name}${missing ? ` (ignored, as ${missing})` : ""}`,
    ignore: missing !== undefined,
    fn,
  });
}

_nativeTest("nativeProducts() does what alexnetProducts() lists", async () => {
  await use("cpu");
  const timings = timeCalls(nativeProducts(makeOperands(MAX_SIZE), 4));
  const work = ({ name, gflop }: { name: string; gflop?: number }) => ({
    ...{ name, gflop },
  });
  assertEquals(timings.map(work), alexnetProducts(4).map(work));
});

_nativeTest(
  "nativeProducts() and nativeRest() call for what a training step calls for, and for nothing else",
  async () => {
    await use("cpu");
    const net = alexnet();
    const operands = makeOperands(MAX_SIZE);
    // Of each batch size, other operations are made ready.
    _run(_timings(net, operands, 2));
    assertEquals(_newOf(() => _step(net, 2)), []);
    _step(net, 3);
    assertEquals(_newOf(() => _run(_timings(net, operands, 3))), []);
    net.dispose();
  },
);

_nativeTest(
  "nativeRest() changes weights by less than 1e-12 a call",
  async () => {
    await use("cpu");
    const net = alexnet();
    const [kernel] = net.getWeights();
    const before = await kernel.data();
    const timings = timeCalls(nativeRest(net, makeOperands(MAX_SIZE), 2));
    _run(timings.filter(({ name }) => name === "SGD"));
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

_nativeTest(
  "timeCalls() frees what is computed, and knows by which implementation",
  async () => {
    await use("cpu");
    const operands = makeOperands(MAX_SIZE);
    const timings = timeCalls(nativeProducts(operands, 1));
    _run(timings);
    const count = cpuBackend().numDataIds();
    _run(timings);
    assertEquals(cpuBackend().numDataIds(), count);
    for (const { name, implementation } of timings) {
      assert(implementation!() !== "", name);
    }
  },
);

function _timings(
  net: Sequential,
  operands: NativeOperands,
  batch: number,
): HostTiming[] {
  return timeCalls([
    ...nativeProducts(operands, batch),
    ...nativeRest(net, operands, batch),
  ]);
}

function _run(timings: readonly HostTiming[]): void {
  for (const { run } of timings) run();
}

/** A step of a network that the caller still owns. */
function _step(net: Sequential, batch: number): void {
  trainingStep(net, batch).run();
}

/** What was made ready meanwhile: operations and sizes. */
function _newOf(run: () => void): string[] {
  const before = implementations();
  run();
  return [...implementations().keys()].filter((key) => !before.has(key));
}
