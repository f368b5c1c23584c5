/**
 * Sets up what is missing, silently if nothing is, and then runs the command:
 * `bootstrap.ts train [options]` or `bootstrap.ts test [arguments of deno test]`.
 *
 * On a Debian-family system, as root, it installs oneDNN where there is no GPU, the software Vulkan driver where a WebGPU adapter
 * is needed and missing, the data set where no mirror can be reached, and for the tests other programs that read what this one
 * writes. Elsewhere it prints what to do and goes on: the command itself decides what it can do without.
 */

import { delimiter, join } from "node:path";
import { parseArgs } from "@std/cli/parse-args";
import {
  findAdapter,
  NO_ADAPTER_REMEDY,
} from "../src/device/webgpu/run/adapter.ts";
import {
  findOneDnn,
  LIBRARY_VARIABLE,
} from "../src/device/onednn/library/library.ts";
import {
  ensureFashionMnist,
  readVerified,
} from "../src/data/fashion_mnist/files.ts";
import { ProgressView } from "../src/cli/terminal/progress.ts";
import { reasonOf } from "../src/reason.ts";

const DRIVER_PACKAGE = "mesa-vulkan-drivers";
/** It depends on the library in whatever version the system has. */
const LIBRARY_PACKAGE = "libdnnl-dev";
const DATA_PACKAGE = "dataset-fashion-mnist";

/** Programs that tests need, and their packages; tests are left out where they are missing. */
const TEST_TOOLS: Readonly<Record<string, string>> = {
  chromium: "chromium",
  protoc: "protobuf-compiler",
  "mpirun.openmpi": "openmpi-bin",
  "mpirun.mpich": "mpich",
  ip: "iproute2",
};

/** What to run once everything is there, with `-q`, as Deno otherwise names each package that it looks up. */
const COMMANDS: Record<string, readonly string[]> = {
  train: ["run", "-qA", "mod.ts", "train"],
  test: ["run", "-qA", "scripts/ok.ts"],
};

/** The options of `train` that decide what is needed. */
interface SetUp {
  readonly device?: string;
  readonly source?: string;
  readonly dataDir?: string;
  readonly offline: boolean;
}

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (!Object.hasOwn(COMMANDS, name)) {
    console.error("usage: bootstrap.ts train|test [arguments]");
    return 2;
  }
  const setUp = readSetUp(args);
  if (!args.includes("--help") && !args.includes("-h")) {
    if (name === "test") {
      await ensureAdapter(setUp);
      await ensureLibrary(setUp);
    } else await ensureDevice(setUp);
    if (setUp.source !== "sample") await ensureData(setUp);
    if (name === "test") await ensureTools();
  }
  return await run([...COMMANDS[name], ...args]);
}

function readSetUp(args: readonly string[]): SetUp {
  const given = parseArgs([...args], {
    boolean: ["offline"],
    string: ["device", "source", "data-dir"],
  });
  return { ...given, dataDir: given["data-dir"] || undefined };
}

/** Training needs a GPU, or else oneDNN, or else a software adapter. */
async function ensureDevice(setUp: SetUp): Promise<void> {
  if (setUp.device === "webgpu") return await ensureAdapter(setUp);
  const isAuto = setUp.device !== "cpu";
  const adapter = isAuto ? await findAdapter() : null;
  if (adapter !== null && !adapter.info.isFallbackAdapter) return;
  const hasLibrary = await ensureLibrary(setUp);
  if (isAuto && !hasLibrary) await ensureAdapter(setUp);
}

/** Looks for the library and installs it; says whether it is there now. */
async function ensureLibrary({ offline }: SetUp): Promise<boolean> {
  const { library, missing } = findOneDnn();
  if (library !== undefined) return true;
  const isNamed = Boolean(Deno.env.get(LIBRARY_VARIABLE));
  if (offline || isNamed || !canInstall()) {
    console.error(`setup: ${missing}`);
    return false;
  }
  return await install(LIBRARY_PACKAGE, "oneDNN for the CPU");
}

async function ensureAdapter({ offline }: SetUp): Promise<void> {
  if (await findAdapter() !== null) return;
  if (offline || !canInstall()) {
    console.error(`setup: no WebGPU adapter was found: ${NO_ADAPTER_REMEDY}`);
    return;
  }
  await install(DRIVER_PACKAGE, "the software Vulkan driver");
}

async function ensureData({ dataDir, offline }: SetUp): Promise<void> {
  const view = new ProgressView({});
  try {
    const options = { dataDir, offline, onProgress: view.download };
    const files = await ensureFashionMnist(options);
    await Promise.all(files.map((file) => readVerified(file, options)));
  } catch (error) {
    view.stop();
    // The command itself reports a folder that the user named, and data that is missing with --offline.
    if (offline || dataDir !== undefined) return;
    console.error(`setup: ${reasonOf(error)}`);
    if (canInstall()) await install(DATA_PACKAGE, "the data set");
  } finally {
    view.stop();
  }
}

async function ensureTools(): Promise<void> {
  for (const [tool, packageName] of Object.entries(TEST_TOOLS)) {
    if (isOnPath(tool)) continue;
    if (canInstall()) await install(packageName, `${tool} for its tests`);
    else console.error(`setup: no ${tool} was found: its tests are left out`);
  }
}

function isOnPath(name: string): boolean {
  const folders = Deno.env.get("PATH")?.split(delimiter) ?? [];
  return folders.some((folder) => {
    try {
      return Deno.statSync(join(folder, name)).isFile;
    } catch {
      return false;
    }
  });
}

/** Whether this is a Debian-family system and this process is root. */
function canInstall(): boolean {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  try {
    return Deno.statSync("/etc/debian_version").isFile;
  } catch {
    return false;
  }
}

/** Installs a package; says whether that worked. */
async function install(name: string, what: string): Promise<boolean> {
  console.error(`setup: installing ${what} (apt-get install ${name})`);
  for (
    const args of [
      ["-q", "update"],
      ["-q", "install", "-y", "--no-install-recommends", name],
    ]
  ) {
    const { success, stdout, stderr } = await new Deno.Command("apt-get", {
      args,
      env: { DEBIAN_FRONTEND: "noninteractive" },
      stdin: "null",
    }).output();
    if (success) continue;
    const decoder = new TextDecoder();
    console.error(decoder.decode(stdout) + decoder.decode(stderr));
    console.error(
      `setup: apt-get ${args.join(" ")} failed; run it by hand and try again`,
    );
    return false;
  }
  return true;
}

/** Runs Deno with these arguments in place of this process, as far as a process can. */
async function run(args: readonly string[]): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), { args: [...args] }).spawn();
  // Passes signals on that only this process was sent; a terminal sends Ctrl-C to both.
  const passOn = (signal: Deno.Signal) => () => {
    try {
      child.kill(signal);
    } catch {
      // It has ended by itself.
    }
  };
  Deno.addSignalListener("SIGINT", passOn("SIGINT"));
  if (Deno.build.os !== "windows") {
    Deno.addSignalListener("SIGTERM", passOn("SIGTERM"));
  }
  const { code } = await child.status;
  return code;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
