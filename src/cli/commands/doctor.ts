/** `doctor`: prints what training depends on, what is wrong with it, and how to mend that. */

import type {
  BackendInfo,
  TracedOperation,
  TracedProgram,
  TunedOperation,
} from "../../device/device.ts";
import { initBackend, nativeLibrary } from "../../device/open.ts";
import { loadTf } from "../../device/tf.ts";
import {
  ensureFashionMnist,
  readVerified,
} from "../../data/fashion_mnist/files.ts";
import { OptionError } from "../../errors.ts";
import { reasonOf } from "../../reason.ts";
import { traceStep, useTuned } from "../../train/tune.ts";
import { type CommandLine, warn } from "../command_line.ts";
import { buildNetwork, checkNetwork, configOf } from "../ingredients.ts";
import { type OptionValues, UsageError } from "../options.ts";
import { recipeOf } from "../recipe.ts";
import { formatBytes, formatDevice, formatTuned } from "../terminal/console.ts";
import config from "../../../deno.json" with { type: "json" };

/** What an examination found. */
interface Findings {
  /** What is so: pairs of a name and a value. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** What is wrong and how to mend it. */
  readonly problems: readonly string[];
  /** What is worth knowing and needs no mending. */
  readonly notes: readonly string[];
}

/** Options that say which step is run. */
const OF_A_STEP = ["model", "batch-size", "precision"] as const;

/** Options that say which data set is checked. */
const OF_CHECKS = ["source", "data-dir"] as const;

/** Runs the command; returns the exit code. */
export async function doctor({ options }: CommandLine): Promise<number> {
  const isStep = options.kernels || options.shader !== undefined;
  for (const name of isStep ? OF_CHECKS : OF_A_STEP) {
    if (options[name] === undefined) continue;
    throw new UsageError(
      `Cannot use --${name} ${
        isStep
          ? "with --kernels or --shader: a step on random images needs no data set"
          : "without --kernels or --shader: doctor runs no step otherwise"
      }`,
    );
  }
  if (isStep) {
    await printStep(options);
    return 0;
  }
  const all = [
    await examineVersions(),
    await examineDevice(options),
    await examineDataSet(options),
  ];
  const facts = all.flatMap((f) => f.facts);
  const problems = all.flatMap((f) => f.problems);
  const width = Math.max(...facts.map(([name]) => name.length));
  for (const [name, value] of facts) {
    console.log(`${name.padEnd(width)}  ${value}`);
  }
  for (const note of all.flatMap((f) => f.notes)) console.log(`note: ${note}`);
  for (const problem of problems) console.log(`problem: ${problem}`);
  console.log(
    problems.length === 0
      ? "ready to train"
      : `${problems.length} ${
        problems.length === 1 ? "problem" : "problems"
      } found`,
  );
  return problems.length === 0 ? 0 : 1;
}

/** What an error says is a problem. */
function failed(error: unknown, ...facts: Findings["facts"]): Findings {
  return { facts, problems: [reasonOf(error)], notes: [] };
}

async function examineVersions(): Promise<Findings> {
  const tf = await loadTf();
  const { deno, v8, typescript } = Deno.version;
  const facts = [
    [config.name, config.version],
    ["deno", `${deno} (V8 ${v8}, TypeScript ${typescript})`],
    ["tensorflow.js", tf.version_core],
    ["system", `${Deno.build.os} ${Deno.build.arch}`],
  ] as const;
  return { facts, problems: [], notes: [] };
}

/** What training chooses, and what there is besides. */
async function examineDevice({ device }: OptionValues): Promise<Findings> {
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  let info: BackendInfo;
  try {
    info = await initBackend({ device, onWarning });
  } catch (error) {
    return failed(error, ["device", "none"]);
  }
  const { library, missing } = nativeLibrary();
  const native = library === undefined
    ? missing
    : `${library.version} (${library.path}), ${
      library.threads ?? "an unknown number of"
    } threads`;
  // What runs in plain JavaScript would take days.
  const isTooSlow = info.adapter === undefined && library === undefined;
  const { facts, notes } = await examineAdapter();
  return {
    facts: [["device", formatDevice(info)], ["oneDNN", native], ...facts],
    problems: isTooSlow ? warnings : [],
    notes: isTooSlow ? notes : [...warnings, ...notes],
  };
}

/** The WebGPU adapter, which training can do without. */
async function examineAdapter(): Promise<Findings> {
  let info: BackendInfo;
  try {
    info = await initBackend({ device: "webgpu" });
  } catch (error) {
    const note = `training is many times faster on a GPU: ${reasonOf(error)}`;
    return { facts: [["adapter", "none"]], problems: [], notes: [note] };
  }
  const { maxLoopIterations } = info;
  const adapter = info.adapter!;
  const facts: [string, string][] = [
    ["adapter", formatDevice(info)],
    ["vendor", adapter.vendor],
    ["features", adapter.features.join(", ")],
  ];
  for (const [name, value] of Object.entries(adapter.limits)) {
    const isBytes = name.endsWith("Size") && !name.includes("Workgroup") ||
      name.includes("Storage") && name.endsWith("StorageSize");
    facts.push([
      name,
      isBytes ? `${value} (${formatBytes(value)})` : `${value}`,
    ]);
  }
  facts.push([
    "loop iterations",
    maxLoopIterations === Infinity
      ? "no limit found"
      : `stop after ${maxLoopIterations}`,
  ]);
  const notes = [];
  if (adapter.isSoftware) {
    notes.push(
      "this adapter computes on the CPU: a GPU with its driver is hundreds of times faster",
    );
  }
  if (maxLoopIterations !== Infinity) {
    notes.push(
      `this driver silently stops loops after ${maxLoopIterations} iterations (llvmpipe before Mesa 25 does); the kernels of this package cut long sums into parts, so results are right`,
    );
  }
  const tuned = await examineTuned();
  return {
    facts: [...facts, ...tuned.facts],
    problems: [],
    notes: [...notes, ...tuned.notes],
  };
}

/** What was tuned on the adapter, and what that won. */
async function examineTuned(): Promise<Findings> {
  const notes: string[] = [];
  const onWarning = (message: string) => notes.push(message);
  const tuned = [...(await useTuned({ onWarning })).values()];
  const faster = tuned.filter(({ way, usual }) => way !== usual);
  const count = tuned.length === 0
    ? "nothing yet: `tune` measures which kernels are fastest"
    : `${tuned.length} operations, ${faster.length} of them in a faster way than usual`;
  const facts = [
    ["tuned", count],
    ...faster.map((operation) => ["", formatTuned(operation)]),
  ] as [string, string][];
  return { facts, problems: [], notes };
}

async function examineDataSet(options: OptionValues): Promise<Findings> {
  if (options.source === "sample") {
    return {
      facts: [["data set", "the sample that comes with this package"]],
      problems: [],
      notes: [],
    };
  }
  // Looking must not download 30 MB, so missing files are a finding.
  const fileOptions = { dataDir: options["data-dir"], offline: true };
  try {
    const files = await ensureFashionMnist(fileOptions);
    await Promise.all(files.map((file) => readVerified(file, fileOptions)));
    const facts = files.map(({ path }) =>
      ["data file", `${path}, verified`] as const
    );
    return { facts, problems: [], notes: [] };
  } catch (error) {
    return failed(error, ["data set", "not usable"]);
  }
}

/** Prints how WebGPU computes a training step: its operations, its shaders, or both. */
async function printStep(options: OptionValues): Promise<void> {
  const recipe = recipeOf(options);
  const { model, precision, "batch-size": batchSize } = recipe;
  checkNetwork(recipe);
  if (options.device === "cpu") {
    const flag = options.kernels ? "--kernels" : "--shader";
    throw new UsageError(
      `Cannot use ${flag} with --device cpu: only WebGPU has ways to choose from, and shaders`,
    );
  }
  const backend = await initBackend({ device: "webgpu", onWarning: () => {} });
  const tuned = await useTuned({ onWarning: warn });
  const net = buildNetwork(configOf(recipe), recipe);
  const parts = await traceStep(net, { batchSize, precision });
  net.dispose();
  const shaders = options.shader === undefined
    ? []
    : findShaders(parts, options.shader);
  if (options.kernels) {
    console.log(`device: ${formatDevice(backend)}`);
    console.log(
      `a training step of ${model}, ${batchSize} images, ${precision}:`,
    );
    listParts(parts, tuned).forEach((line) => console.log(line));
  }
  shaders.forEach((shader) => console.log(shader));
}

type Parts = Awaited<ReturnType<typeof traceStep>>;

/** A line for each operation and each shader that ran; what ran again is left out. */
function listParts(
  parts: Parts,
  tuned: ReadonlyMap<string, TunedOperation>,
): string[] {
  const seen = new Set<string>();
  const list = (parts: Parts, indent: string): string[] =>
    parts.flatMap((part) => {
      const isAgain = seen.has(part.key);
      seen.add(part.key);
      if (isAgain) return [];
      if ("code" in part) return [`${indent}shader ${part.key}`];
      const line = formatOperation(part, tuned.get(part.key));
      return [`${indent}${line}`, ...list(part.parts, `${indent}  `)];
    });
  return list(parts, "");
}

/** Writes an operation, such as "convolution 5x5, ...: direct, 1.2 ms; or winograd 4x4; not winograd 2x2 (...)". */
function formatOperation(
  { what, way, ways }: TracedOperation,
  tuned: TunedOperation | undefined,
): string {
  const ms = tuned?.way === way ? `, ${tuned.ms.toPrecision(3)} ms` : "";
  const others = ways.filter(({ name }) => name !== way);
  const byReason = Map.groupBy(others, ({ fits }) => fits);
  const list = [...byReason].map(([fits, ways]) => {
    const names = ways.map(({ name }) => name).join(", ");
    return fits === true ? `; or ${names}` : `; not ${names} (${fits})`;
  });
  return `${what}: ${way}${ms}${list.join("")}`;
}

/** The shaders whose names have a text; throws an {@linkcode OptionError} if none has. */
function findShaders(parts: Parts, text: string): string[] {
  const programs = (parts: Parts): TracedProgram[] =>
    parts.flatMap((part) => "code" in part ? [part] : programs(part.parts));
  const found = programs(parts).filter(({ key }) =>
    `shader ${key}`.includes(text)
  )
    .map(({ key, code }) => `// shader ${key}\n${code}`);
  if (found.length > 0) return [...new Set(found)];
  const requirement = "part of the name of a shader that --kernels lists";
  throw new OptionError("shader", text, requirement);
}
