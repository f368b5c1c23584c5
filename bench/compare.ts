/**
 * Compares a training step of AlexNet with stock TensorFlow.js, with these kernels and, with `--peers`, with jax-js, each
 * in a process of its own, alternating: `deno task bench:compare [--batch-size 16] [--rounds 2] [--peers] [--json]`.
 *
 * Who cannot run is left out, with the reason in one line; the exit code is then 1.
 *
 * @module
 */

import { parseArgs } from "node:util";
import {
  describeAdapter,
  findAdapter,
  NO_ADAPTER_REMEDY,
} from "../src/backend/adapter.ts";
import { alexnetLayers } from "../src/models/alexnet.ts";
import { summarize } from "../src/nn/summary.ts";
import { type Contender, listContenders, runContender } from "./contenders.ts";
import { median } from "./measure.ts";
import { gflopPerImage } from "./step.ts";

const USAGE =
  "deno task bench:compare [--batch-size 16] [--rounds 2] [--peers] [--json]";

/** What a contender was measured to do. */
interface Entry {
  readonly contender: Contender;
  /** Milliseconds of each step, of every round. */
  readonly stepMs: number[];
  /** Why it was left out, if it was. */
  failure?: string;
}

const options = _parseOptions();
const batchSize = _count("batch-size", options["batch-size"]);
const rounds = _count("rounds", options.rounds);

// It also sets the variables by which every contender gets this adapter.
const adapter = await findAdapter();
if (adapter === null) _fail(`no WebGPU adapter: ${NO_ADAPTER_REMEDY}`, 1);

const entries: Entry[] = listContenders({ peers: options.peers })
  .map((contender) => ({ contender, stepMs: [] }));
for (let round = 1; round <= rounds; round++) {
  for (const entry of entries.filter((entry) => !entry.failure)) {
    await _measure(entry, round);
  }
}
_print(describeAdapter(adapter).name);
Deno.exit(entries.some((entry) => entry.failure) ? 1 : 0);

async function _measure(entry: Entry, round: number): Promise<void> {
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

/** Rates and ratios are NaN, in JSON null, where nothing was measured. */
function _print(adapter: string): void {
  const { layers, inputShape } = alexnetLayers();
  const gflop = gflopPerImage(summarize(layers, inputShape));
  const [stockMs, jaxMs] = [_medianMs("stock"), _medianMs("jax")];
  const rows = entries.map(({ contender: { name, what }, stepMs, failure }) => {
    const ms = median(stepMs);
    const imagesPerSecond = batchSize / ms * 1000;
    return {
      ...{ name, what, stepMs, imagesPerSecond, failure },
      gflops: imagesPerSecond * gflop,
      ratio: stockMs / ms,
      ...options.peers ? { jaxRatio: jaxMs / ms } : {},
    };
  });
  if (options.json) {
    console.log(JSON.stringify({ adapter, batchSize, rounds, rows }));
    return;
  }
  console.log(`AlexNet training step, batch ${batchSize}, on ${adapter}`);
  for (const row of rows) {
    const figures = [
      `${row.imagesPerSecond.toPrecision(3)} images/s`.padStart(15),
      `${row.gflops.toPrecision(3)} GFLOP/s`.padStart(13),
      _ratio(row.ratio, "stock"),
      ..."jaxRatio" in row ? [_ratio(row.jaxRatio!, "jax-js")] : [],
    ];
    const shown = row.stepMs.length > 0 ? figures : ["no result".padStart(15)];
    console.log([row.what.padEnd(40), ...shown].join("  "));
  }
}

function _medianMs(name: Contender["name"]): number {
  const entry = entries.find(({ contender }) => contender.name === name);
  return median(entry?.stepMs ?? []);
}

function _ratio(ratio: number, of: string): string {
  const shown = Number.isNaN(ratio) ? "-" : `${ratio.toPrecision(3)}x`;
  return `${shown.padStart(6)} ${of}`;
}

function _parseOptions() {
  try {
    return parseArgs({
      options: {
        "batch-size": { type: "string", default: "16" },
        rounds: { type: "string", default: "2" },
        peers: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    // Node's messages go on with advice on other ways to write it.
    const [message] = (error as Error).message.split(/\.\s/);
    _fail(`${message}: ${USAGE}`, 2);
  }
}

function _count(option: string, text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  _fail(`Cannot use --${option} ${text}: give an integer of at least 1`, 2);
}

function _fail(message: string, code: number): never {
  console.error(`error: ${message}`);
  Deno.exit(code);
}
