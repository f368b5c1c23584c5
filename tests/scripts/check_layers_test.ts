import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import {
  checkLayers,
  findHostCalls,
  findLongFiles,
  findQuestions,
  findViolations,
  findWrongRows,
} from "../../scripts/check_layers.ts";

Deno.test("findViolations() lets a folder import itself and lower folders", () => {
  const graph = new Map([
    ["mod.ts", ["src/cli/mod.ts", "src/nn/mod.ts"]],
    ["src/train/fit.ts", ["src/data/batch.ts", "src/io/safetensors.ts"]],
    ["src/nn/mod.ts", ["src/nn/dense.ts"]],
    ["src/random.ts", ["src/errors.ts"]],
  ]);
  assertEquals(findViolations(graph), []);
});

Deno.test("findViolations() names an import of a higher folder", () => {
  const graph = new Map([["src/nn/x.ts", ["src/train/y.ts"]]]);
  assertEquals(findViolations(graph), [
    "src/nn/x.ts imports src/train/y.ts: nn is below train",
  ]);
});

Deno.test("findViolations() names an import of the folder beside", () => {
  const graph = new Map([["src/data/x.ts", ["src/nn/y.ts"]]]);
  assertEquals(findViolations(graph), [
    "src/data/x.ts imports src/nn/y.ts: data stands beside nn",
  ]);
});

Deno.test("findViolations() names an import from tests, bench and scripts", () => {
  const graph = new Map([
    ["src/cli/x.ts", ["tests/a.ts", "bench/b.ts"]],
    ["mod.ts", ["scripts/c.ts"]],
  ]);
  assertEquals(findViolations(graph), [
    "src/cli/x.ts imports tests/a.ts: the package never imports from tests",
    "src/cli/x.ts imports bench/b.ts: the package never imports from bench",
    "mod.ts imports scripts/c.ts: the package never imports from scripts",
  ]);
});

Deno.test("findViolations() names a folder that has no layer", () => {
  assertEquals(findViolations(new Map([["src/utils/x.ts", []]])), [
    'src/utils/x.ts is in no layer: add "utils" to LAYERS in scripts/check_layers.ts',
  ]);
});

Deno.test("findViolations() shows an import cycle once, file by file", () => {
  const graph = new Map([
    ["src/nn/a.ts", ["src/nn/b.ts"]],
    ["src/nn/b.ts", ["src/nn/c.ts"]],
    ["src/nn/c.ts", ["src/nn/a.ts"]],
    ["src/nn/d.ts", ["src/nn/a.ts"]],
  ]);
  assertEquals(findViolations(graph), [
    "import cycle: src/nn/a.ts -> src/nn/b.ts -> src/nn/c.ts -> src/nn/a.ts",
  ]);
});

Deno.test("findLongFiles() names files of more than 600 lines", () => {
  const numLines = new Map([["src/a.ts", 600], ["src/b.ts", 601]]);
  assertEquals(findLongFiles(numLines), [
    "src/b.ts has 601 lines: split it, as 600 is the most",
  ]);
});

Deno.test("findWrongRows() names a folder without a row, and a row without a folder", () => {
  const text = [
    "| Folder              | What is in it |",
    "| `errors.ts`         | errors        |",
    "| `data/`             | batches       |",
    "| `data/transforms/`  | changes       |",
    "| `gone/`             | nothing       |",
    "| `deno task test`    | the gate      |",
  ].join("\n");
  assertEquals(findWrongRows(text, ["data", "data/transforms", "io"]), [
    "src/io is not in CONTRIBUTING.md: add a row to its table of folders",
    "CONTRIBUTING.md has a row for src/gone, which is not there",
  ]);
});

Deno.test("checkLayers() finds violations in files on disk, type-only and unreachable ones too", async () => {
  const root = await writeTree({
    "CONTRIBUTING.md": "| `data/` | |\n| `nn/` | |\n",
    "mod.ts": 'export * from "./src/nn/mod.ts";\n',
    "scripts/empty.ts": "export {};\n",
    "src/nn/mod.ts": 'export type { Fit } from "../train/fit.ts";\n',
    "src/nn/lost.ts": 'await import("../data/mnist.ts");\n',
    "src/train/fit.ts": "export interface Fit {}\n",
    "src/data/mnist.ts": `${"\n".repeat(600)}export {};\n`,
  });
  try {
    const { violations, numFiles } = await checkLayers(root);
    assertEquals(numFiles, 6);
    assertEquals(violations.sort(), [
      "src/data/mnist.ts has 601 lines: split it, as 600 is the most",
      "src/nn/lost.ts imports src/data/mnist.ts: nn stands beside data",
      "src/nn/mod.ts imports src/train/fit.ts: nn is below train",
      "src/train is not in CONTRIBUTING.md: add a row to its table of folders",
    ]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("checkLayers() throws where an imported file is missing", async () => {
  const root = await writeTree({
    "mod.ts": 'export * from "./src/gone.ts";\n',
    "scripts/empty.ts": "export {};\n",
    "src/errors.ts": "export {};\n",
  });
  try {
    await assertRejects(() => checkLayers(root), Error, "src/gone.ts");
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

/** Writes files into a new temporary folder. */
async function writeTree(files: Record<string, string>): Promise<string> {
  const root = await Deno.makeTempDir();
  for (const [path, text] of Object.entries(files)) {
    await Deno.mkdir(join(root, path, ".."), { recursive: true });
    await Deno.writeTextFile(join(root, path), text);
  }
  return root;
}

Deno.test("findViolations() lets layers into a device by its doors only", () => {
  const graph = new Map([
    ["src/nn/x.ts", ["src/device/device.ts", "src/device/webgpu/y.ts"]],
    ["src/cli/x.ts", ["src/device/open.ts"]],
  ]);
  assertEquals(findViolations(graph), [
    "src/nn/x.ts imports src/device/webgpu/y.ts: layers above may import only device.ts, formula.ts, open.ts, sizes.ts, tape.ts, tf.ts of src/device/",
  ]);
});

Deno.test("findQuestions() finds who asks which device it is, but for devices themselves and what shows a person the machine", () => {
  const question = 'if (tf.getBackend() === "webgpu") {';
  const texts = new Map([
    ["src/device/tf.ts", question],
    ["src/nn/x.ts", `const a = 1;\n${question}\n`],
    ["src/optim/y.ts", 'return device().name === "onednn";'],
    ["src/train/y.ts", "if (backend.adapter === undefined) return;"],
    ["src/cli/x.ts", 'const isGpu = info.device === "webgpu";'],
    ["src/cli/commands/doctor.ts", 'const isGpu = info.device === "webgpu";'],
    ["tests/z.ts", question],
  ]);
  assertEquals(findQuestions(texts), [
    "src/nn/x.ts:2 asks which device it is: add an operation to Device",
    "src/optim/y.ts:1 asks which device it is: add an operation to Device",
    "src/train/y.ts:1 asks which device it is: add an operation to Device",
    "src/cli/x.ts:1 asks which device it is: add an operation to Device",
  ]);
});

Deno.test("findHostCalls() finds calls of Deno and Node.js where a browser is to run as well", () => {
  const call = "const { size } = await Deno.stat(path);";
  const texts = new Map([
    ["src/data/x.ts", `/** Not Deno.stat. */\n// Deno.open\n${call}\n`],
    ["src/io/y.ts", 'import { join } from "node:path";'],
    ["src/data/dataset.ts", '[Symbol.for("Deno.customInspect")]: print,'],
    ["src/random.ts", call],
    ["src/platform/deno.ts", call],
    ["src/device/onednn/library/library.ts", `Deno.dlopen(path, {});\n${call}`],
    ["src/device/onednn/update.ts", "Deno.dlopen(path, {});"],
    ["src/device/webgpu/run/adapter.ts", call],
    ["src/cli/main.ts", call],
    ["tests/z.ts", call],
  ]);
  assertEquals(findHostCalls(texts), [
    "src/data/x.ts:3 calls Deno or Node.js: ask host of src/platform",
    "src/io/y.ts:1 calls Deno or Node.js: ask host of src/platform",
    "src/random.ts:1 calls Deno or Node.js: ask host of src/platform",
    "src/device/onednn/library/library.ts:2 calls Deno or Node.js: ask host of src/platform",
    "src/device/onednn/update.ts:1 calls Deno or Node.js: ask host of src/platform",
    "src/device/webgpu/run/adapter.ts:1 calls Deno or Node.js: ask host of src/platform",
  ]);
});
