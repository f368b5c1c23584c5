/** Tests of how numbers, tables and the device are written. */

import { assertEquals } from "@std/assert";
import {
  formatBytes,
  formatDevice,
  formatDuration,
  formatEpoch,
  formatLayers,
  formatSpeed,
  formatTable,
} from "../../../src/cli/terminal/console.ts";
import type { AdapterDescription } from "../../../src/device/device.ts";
import { epochEnd } from "../../train/epochs.ts";

const DURATIONS: [seconds: number, text: string][] = [
  [0, "0 s"],
  [0.4, "0 s"],
  [45, "45 s"],
  [99.4, "99 s"],
  [99.6, "2 min"],
  [720, "12 min"],
  [5940, "99 min"],
  [6000, "1 h 40 min"],
  [7199, "2 h 0 min"],
  [7800, "2 h 10 min"],
  [360_000, "100 h 0 min"],
];

Deno.test("formatDuration() has seconds, minutes, or hours and minutes", () => {
  for (const [seconds, text] of DURATIONS) {
    assertEquals(formatDuration(seconds), text);
  }
});

const BYTES: [bytes: number, text: string][] = [
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1 KiB"],
  [1536, "1.5 KiB"],
  [10_008, "9.8 KiB"],
  [2 ** 20, "1 MiB"],
  [128 * 2 ** 20, "128 MiB"],
  [2 ** 31 - 1, "2 GiB"],
  [3 * 2 ** 40, "3 TiB"],
  [2 ** 50, "1024 TiB"],
];

Deno.test("formatBytes() has the largest unit that fits", () => {
  for (const [bytes, text] of BYTES) assertEquals(formatBytes(bytes), text);
});

Deno.test("formatSpeed() has three digits", () => {
  assertEquals(
    [0.01234, 3.4159, 170.26, 12_345].map(formatSpeed),
    ["0.0123 images/s", "3.42 images/s", "170 images/s", "12300 images/s"],
  );
});

const EPOCH = epochEnd(1, {
  loss: 1.30521,
  trainAccuracy: 0.5094,
  testAccuracy: 0.745,
  seconds: 18.94,
});

// The first line of the lecture's table, to the letter.
Deno.test("formatEpoch() has the lecture's form", () => {
  assertEquals(
    formatEpoch(EPOCH),
    "epoch 1, loss 1.3052, train acc 0.509, test acc 0.745, time 18.9 sec",
  );
  assertEquals(
    formatEpoch({ ...EPOCH, epoch: 12, trainAccuracy: 1, testAccuracy: 0 }),
    "epoch 12, loss 1.3052, train acc 1.000, test acc 0.000, time 18.9 sec",
  );
});

Deno.test("formatEpoch() leaves out a test accuracy that was not taken", () => {
  assertEquals(
    formatEpoch({ ...EPOCH, testAccuracy: undefined }),
    "epoch 1, loss 1.3052, train acc 0.509, time 18.9 sec",
  );
});

Deno.test("formatLayers() aligns names to the left, numbers to the right, and adds them up", () => {
  const row = (
    name: string,
    outputShape: number[],
    [params, macs]: [number, number],
  ) => ({ name, kind: "any", outputShape, params, macs });
  assertEquals(
    formatLayers([
      row("conv2d_1", [1, 54, 54, 96], [11_712, 33_872_256]),
      row("dense_1", [1, 10], [40_970, 40_960]),
    ]),
    [
      "layer     output    parameters  multiply-adds",
      "conv2d_1  54x54x96      11,712     33,872,256",
      "dense_1   10            40,970         40,960",
      "total                   52,682     33,913,216",
    ].join("\n"),
  );
});

Deno.test("formatDevice() names adapter or library, and says so when the adapter is a software one", () => {
  const adapter: AdapterDescription = {
    name: "llvmpipe",
    vendor: "65541",
    isSoftware: true,
    features: [],
    limits: {},
  };
  const info = { maxBindingBytes: 1, maxLoopIterations: 1 };
  assertEquals(
    formatDevice({ ...info, device: "webgpu", adapter }),
    "WebGPU, llvmpipe, a software adapter",
  );
  assertEquals(
    formatDevice({
      ...info,
      device: "webgpu",
      adapter: { ...adapter, name: "A100", isSoftware: false },
    }),
    "WebGPU, A100",
  );
  assertEquals(
    formatDevice({ ...info, device: "cpu" }),
    "CPU, plain JavaScript",
  );
  const library = { name: "oneDNN", version: "3.7.2", path: "x" } as const;
  for (
    const [threads, expected] of [
      [undefined, "CPU, oneDNN 3.7.2"],
      [1, "CPU, oneDNN 3.7.2, 1 thread"],
      [16, "CPU, oneDNN 3.7.2, 16 threads"],
    ] as const
  ) {
    assertEquals(
      formatDevice({
        ...info,
        device: "cpu",
        library: { ...library, threads },
      }),
      expected,
    );
  }
});

Deno.test("formatTable() aligns text on the left and numbers on the right", () => {
  const rows = [
    ["name", "kind", "count"],
    ["a", "longer", "7"],
    ["much longer", "", "12345678"],
  ];
  assertEquals(
    formatTable(rows, { textColumns: 2 }).split("\n"),
    [
      "name         kind       count",
      "a            longer         7",
      "much longer          12345678",
    ],
  );
});

Deno.test("formatTable() takes rows of differing lengths and leaves no spaces at their ends", () => {
  assertEquals(
    formatTable([["a"], ["b", "c"], ["dd", ""]], { textColumns: 2 }),
    "a\nb   c\ndd",
  );
});
