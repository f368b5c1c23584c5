/**
 * Compares a training step of AlexNet by stock TensorFlow.js, by TensorFlow.js with these kernels and by this package, in
 * processes that take turns: `deno task bench:compare [--batch-size 16] [--rounds 2] [--peers] [--only NAME,...] [--json]`.
 *
 * `--peers` adds jax-js, and PyTorch and this package on the CPU. `--only` names who takes part, in the words of `contenders.ts`.
 *
 * A contender that cannot run is left out, with the reason in one line. The exit code is then 1, unless all that is missing is
 * an installed PyTorch or oneDNN.
 */

import { parseArgs } from "@std/cli/parse-args";
import {
  describeAdapter,
  findAdapter,
  NO_ADAPTER_REMEDY,
} from "../src/device/webgpu/run/adapter.ts";
import { alexnetLayers } from "../src/models/alexnet.ts";
import { summarize } from "../src/nn/sequential.ts";
import {
  type Contender,
  listContenders,
  type Name,
  NAMES,
  runContender,
} from "./contenders.ts";
import { median } from "./measure.ts";
import { gflopPerImage } from "./step.ts";

const USAGE =
  "deno task bench:compare [--batch-size 16] [--rounds 2] [--peers] [--only NAME,...] [--json]";

/** Those that the others are compared with: the word for the ratio in JSON, the contender, and its name in the table. */
const BASELINES = [
  { key: "ratio", name: "stock", shown: "stock" },
  { key: "jaxRatio", name: "jax", shown: "jax-js" },
  { key: "torchRatio", name: "torch", shown: "PyTorch" },
] as const;

interface Entry {
  readonly contender: Contender;
  /** Milliseconds of each step, of every round. */
  readonly stepMs: number[];
  /** Why it was left out, if it was. */
  failure?: string;
}

type RatioKey = typeof BASELINES[number]["key"];

const options = parseOptions();
const batchSize = readCount("batch-size", options["batch-size"]);
const rounds = readCount("rounds", options.rounds);

const { contenders, absent } = await listContenders({
  peers: options.peers,
  only: options.only === undefined ? undefined : readNames(options.only),
});
for (const line of absent) console.error(line);
const adapter = await adapterName();
const entries: Entry[] = contenders
  .map((contender) => ({ contender, stepMs: [] }));
for (let round = 1; round <= rounds; round++) {
  for (const entry of entries.filter((entry) => !entry.failure)) {
    await measure(entry, round);
  }
}
printTable();
Deno.exit(entries.some((entry) => entry.failure) ? 1 : 0);

async function measure(entry: Entry, round: number): Promise<void> {
  const outcome = await runContender(entry.contender, batchSize);
  const { name } = entry.contender;
  if ("failure" in outcome) {
    entry.failure = outcome.failure;
    console.error(`round ${round}, ${name}: left out: ${entry.failure}`);
    return;
  }
  entry.stepMs.push(...outcome.stepMs);
  const seconds = outcome.stepMs.map((ms) => (ms / 1000).toFixed(2));
  console.error(`round ${round}, ${name}: ${seconds.join(", ")} s per step`);
}

/** The adapter of the contenders on WebGPU. Looking for it also sets the variables by which their processes get it. */
async function adapterName(): Promise<string | null> {
  if (contenders.every(({ device }) => device === "cpu")) return null;
  const adapter = await findAdapter();
  if (adapter === null) fail(`no WebGPU adapter: ${NO_ADAPTER_REMEDY}`, 1);
  return describeAdapter(adapter).name;
}

/** Prints rates and ratios, which are NaN (in JSON null) where nothing was measured. */
function printTable(): void {
  const { layers, inputShape } = alexnetLayers();
  const gflop = gflopPerImage(summarize(layers, inputShape));
  const baselines = BASELINES.filter(({ name }) =>
    contenders.some((contender) => contender.name === name)
  );
  const rows = entries.map(({ contender: { name, what }, stepMs, failure }) => {
    const ms = median(stepMs);
    const imagesPerSecond = batchSize / ms * 1000;
    const ratios = baselines.map(({ key, name }) =>
      [key, medianMs(name) / ms] as const
    );
    return {
      name,
      what,
      stepMs,
      imagesPerSecond,
      failure,
      gflops: imagesPerSecond * gflop,
      ...Object.fromEntries(ratios) as Partial<Record<RatioKey, number>>,
    };
  });
  if (options.json) {
    console.log(JSON.stringify({ adapter, batchSize, rounds, rows, absent }));
    return;
  }
  const where = adapter === null ? "" : `, on ${adapter}`;
  console.log(`AlexNet training step, batch ${batchSize}${where}`);
  const width = Math.max(...rows.map(({ what }) => what.length));
  for (const row of rows) {
    const figures = [
      `${row.imagesPerSecond.toPrecision(3)} images/s`.padStart(15),
      `${row.gflops.toPrecision(3)} GFLOP/s`.padStart(13),
      ...baselines.map(({ key, shown }) => formatRatio(row[key]!, shown)),
    ];
    const shown = row.stepMs.length > 0 ? figures : ["no result".padStart(15)];
    console.log([row.what.padEnd(width), ...shown].join("  "));
  }
  for (const line of absent) console.log(line);
}

function medianMs(name: Name): number {
  const entry = entries.find(({ contender }) => contender.name === name);
  return median(entry?.stepMs ?? []);
}

function formatRatio(ratio: number, of: string): string {
  const shown = Number.isNaN(ratio)
    ? "-"
    : `${ratio >= 100 ? ratio.toFixed(0) : ratio.toPrecision(3)}x`;
  return `${shown.padStart(6)} ${of}`;
}

function parseOptions() {
  const refuse = (word: string | number) =>
    fail(`Unknown argument ${word}: ${USAGE}`, 2);
  const options = parseArgs(Deno.args, {
    string: ["batch-size", "rounds", "only"],
    boolean: ["peers", "json"],
    default: { "batch-size": "16", rounds: "2" },
    unknown: refuse,
  });
  options._.forEach(refuse);
  return options;
}

function readCount(option: string, text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  fail(`Cannot use --${option} ${text}: give an integer of at least 1`, 2);
}

function readNames(text: string): Name[] {
  const names: readonly string[] = NAMES;
  const asked = text.split(",");
  const wrong = asked.find((name) => !names.includes(name));
  if (wrong === undefined) return asked as Name[];
  fail(`Cannot use --only ${wrong}: the names are ${NAMES.join(", ")}`, 2);
}

function fail(message: string, code: number): never {
  console.error(`error: ${message}`);
  Deno.exit(code);
}
