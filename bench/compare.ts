/**
 * Compares a training step of AlexNet with stock TensorFlow.js and with these kernels, each in a process of its own,
 * alternating: `deno task bench:compare [--batch-size 16] [--rounds 2] [--json]`.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { describeAdapter, findAdapter } from "../src/backend/adapter.ts";
import { alexnetLayers } from "../src/models/alexnet.ts";
import { summarize } from "../src/nn/summary.ts";
import { median } from "./measure.ts";
import { gflopPerImage } from "./step.ts";

/** What is compared, and how many steps a process times: a step of stock TensorFlow.js can take minutes. */
const CONTENDERS = {
  stock: { steps: 1, what: "LayersModel, TensorFlow.js's own kernels" },
  registered: { steps: 2, what: "LayersModel, after registerKernels()" },
  ours: { steps: 3, what: "alexnet() and fit()" },
} as const;

type Contender = keyof typeof CONTENDERS;
const NAMES = Object.keys(CONTENDERS) as Contender[];

const { values } = parseArgs({
  options: {
    "batch-size": { type: "string", default: "16" },
    rounds: { type: "string", default: "2" },
    json: { type: "boolean", default: false },
  },
});
const batchSize = _count("batch-size", values["batch-size"]);
const rounds = _count("rounds", values.rounds);

const adapter = await findAdapter();
if (adapter === null) {
  console.error("error: no WebGPU adapter: see deno run -A mod.ts doctor");
  Deno.exit(1);
}
const stepMs: Record<Contender, number[]> = {
  stock: [],
  registered: [],
  ours: [],
};
for (let round = 1; round <= rounds; round++) {
  for (const name of NAMES) {
    const times = await _runProcess(name);
    stepMs[name].push(...times);
    console.error(
      `round ${round}, ${name}: ${
        times.map((ms) => (ms / 1000).toFixed(2)).join(", ")
      } s per step`,
    );
  }
}
_print();

function _print(): void {
  const { layers, inputShape } = alexnetLayers();
  const gflop = gflopPerImage(summarize(layers, inputShape));
  const stock = median(stepMs.stock);
  const rows = NAMES.map((name) => {
    const ms = median(stepMs[name]);
    const imagesPerSecond = batchSize / ms * 1000;
    return {
      name,
      what: CONTENDERS[name].what,
      stepMs: stepMs[name],
      imagesPerSecond,
      gflops: imagesPerSecond * gflop,
      ratio: stock / ms,
    };
  });
  const { name } = describeAdapter(adapter!);
  if (values.json) {
    console.log(JSON.stringify({ adapter: name, batchSize, rounds, rows }));
    return;
  }
  console.log(`AlexNet training step, batch ${batchSize}, on ${name}`);
  for (const row of rows) {
    console.log(
      [
        row.what.padEnd(42),
        `${row.imagesPerSecond.toPrecision(3)} images/s`.padStart(15),
        `${row.gflops.toPrecision(3)} GFLOP/s`.padStart(13),
        `${row.ratio.toPrecision(3)}x`.padStart(7),
      ].join("  "),
    );
  }
}

async function _runProcess(name: Contender): Promise<number[]> {
  const script = fileURLToPath(new URL("compare_step.ts", import.meta.url));
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", script, name],
      ...[`${batchSize}`, `${CONTENDERS[name].steps}`],
    ],
    stdout: "piped",
    stderr: "inherit",
  }).output();
  if (code !== 0) {
    console.error(`error: the process of ${name} ended with code ${code}`);
    Deno.exit(1);
  }
  const last = new TextDecoder().decode(stdout).trim().split("\n").at(-1)!;
  return JSON.parse(last).stepMs;
}

function _count(option: string, text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  console.error(
    `error: Cannot use --${option} ${text}: give an integer of at least 1`,
  );
  Deno.exit(2);
}
