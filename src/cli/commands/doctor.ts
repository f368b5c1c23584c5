/**
 * `doctor`: prints what training depends on, what is wrong with it, and how to mend that.
 *
 * @module
 */

import type { BackendInfo } from "../../device/device.ts";
import {
  findAdapter,
  NO_ADAPTER_REMEDY,
} from "../../device/webgpu/run/adapter.ts";
import { initBackend, nativeLibrary } from "../../device/open.ts";
import { loadTf } from "../../device/tf.ts";
import {
  ensureFashionMnist,
  readVerified,
} from "../../data/fashion_mnist/files.ts";
import { useTuned } from "../../train/tune.ts";
import type { CommandLine } from "../command_line.ts";
import type { OptionValues } from "../options.ts";
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

/** Runs the command; returns the exit code. */
export async function doctor({ options }: CommandLine): Promise<number> {
  const all = [
    await examineVersions(),
    await examineDevice(),
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
  const problem = error instanceof Error ? error.message : String(error);
  return { facts, problems: [problem], notes: [] };
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
async function examineDevice(): Promise<Findings> {
  let info: BackendInfo;
  try {
    info = await initBackend({ device: "auto", onWarning: () => {} });
  } catch (error) {
    return failed(error, ["device", "none"]);
  }
  const { library, missing } = nativeLibrary();
  const native = library === undefined
    ? missing
    : `${library.version} (${library.path}), ${
      library.threads ?? "an unknown number of"
    } threads`;
  const facts: [string, string][] = [
    ["device", formatDevice(info)],
    ["oneDNN", native],
  ];
  const adapter = await examineAdapter();
  if (adapter === undefined) {
    const problem =
      `no WebGPU adapter and no oneDNN, so training runs on the CPU in plain JavaScript, hundreds of times slower: ${NO_ADAPTER_REMEDY}, or oneDNN: ${missing}`;
    const problems = library === undefined ? [problem] : [];
    const notes = library === undefined ? [] : [
      `no WebGPU adapter: with a GPU and its driver training is many times faster (${NO_ADAPTER_REMEDY})`,
    ];
    return { facts: [...facts, ["adapter", "none"]], problems, notes };
  }
  const notes = [...adapter.notes];
  if (info.adapter?.isSoftware) {
    notes.push(
      `this adapter computes on the CPU, several times slower than oneDNN, and ${missing}`,
    );
  }
  return {
    facts: [...facts, ...adapter.facts],
    problems: info.device === "webgpu" ? adapter.problems : [],
    notes: info.device === "webgpu" ? notes : [...notes, ...adapter.problems],
  };
}

/** The WebGPU adapter, if there is one. */
async function examineAdapter(): Promise<Findings | undefined> {
  if (await findAdapter() === null) return;
  let info: BackendInfo;
  try {
    info = await initBackend({ device: "webgpu" });
  } catch (error) {
    return failed(error);
  }
  const { adapter, maxLoopIterations } = info;
  if (adapter === undefined) return;
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
