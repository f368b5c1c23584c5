/** Tests of which ways to train together go together. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { OptionError } from "../../src/errors.ts";
import { fit } from "../../src/train/fit.ts";
import { requireTogether } from "../../src/train/replicas.ts";
import { use } from "../device.ts";
import { inMemory } from "./in_memory.ts";
import { tinyData, tinyNet } from "./tiny.ts";

type Options = Parameters<typeof requireTogether>[0];

const ALLOWED: Omit<Options, "precision">[] = [
  {},
  { compression: "none", syncEvery: 1 },
  { compression: "float16" },
  { compression: "float16", syncEvery: 1, everySteps: 7 },
  { syncEvery: 4 },
  { syncEvery: 4, compression: "none", everySteps: 12 },
];

const REFUSED: [option: string, options: Partial<Options>, what: string][] = [
  ["compression", { compression: "float8" as never }, '"none" or "float16"'],
  ["syncEvery", { syncEvery: 0 }, "0"],
  ["syncEvery", { syncEvery: 1.5 }, "1.5"],
  ["syncEvery", { syncEvery: NaN }, "NaN"],
  [
    "compression",
    { compression: "float16", syncEvery: 2 },
    "where weights are averaged",
  ],
  [
    "precision",
    { precision: "float16", syncEvery: 2 },
    "where weights are averaged",
  ],
  [
    "precision",
    { precision: "float16", compression: "float16" },
    "compression",
  ],
  ["syncEvery", { syncEvery: 3, everySteps: 10 }, "a divisor of 10"],
];

Deno.test("requireTogether() takes what goes together", () => {
  for (const options of ALLOWED) {
    requireTogether({ precision: "float32", ...options });
  }
  requireTogether({ precision: "float16", everySteps: 3 });
});

for (const [option, options, what] of REFUSED) {
  Deno.test(`requireTogether() refuses ${Deno.inspect(options)}`, () => {
    const error = assertThrows(
      () => requireTogether({ precision: "float32", ...options }),
      OptionError,
      what,
    );
    assertEquals(error.option, option);
  });
}

Deno.test("fit() refuses checkpoints between two meetings, before it calls another process", async () => {
  await use("plain");
  const net = tinyNet();
  const [communicator] = inMemory(2);
  const error = await assertRejects(
    () =>
      fit(net, tinyData(), {
        communicator,
        syncEvery: 2,
        checkpoints: { everySteps: 3, save() {} },
      }),
    OptionError,
    "a divisor of 3",
  );
  assertEquals([error.option, communicator.calls], ["syncEvery", []]);
  net.dispose();
});
