/** Tests of `export` and `import`. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { loadCheckpoint, writeCheckpoint } from "../../../src/io/checkpoint.ts";
import { encodeSafetensors } from "../../../src/io/safetensors.ts";
import { makeFolder, namesIn } from "../../data/folder.ts";
import { LENET, seededCheckpoint } from "../../io/interchange/seeded.ts";
import { assertOneLineError, runMain } from "../program.ts";

Deno.test("export writes each format, and import brings the same weights back", async () => {
  await using folder = await makeFolder();
  const at = (name: string) => `${folder.path}/${name}`;
  const checkpoint = seededCheckpoint(LENET);
  await writeCheckpoint(at("net"), checkpoint);
  const formats: [name: string, args: string[]][] = [
    ["keras", ["--format", "safetensors"]],
    ["pytorch", ["--format", "safetensors", "--layout", "pytorch"]],
    ["tfjs", ["--format", "tfjs"]],
  ];
  const said = "lenet for 10 classes and 28x28 images\n";
  for (const [name, args] of formats) {
    const there = await runMain([
      ...["export", at("net"), ...args, "--output", at(name)],
    ]);
    assertEquals(there, {
      code: 0,
      stdout: `wrote ${at(name)}: ${said}`,
      stderr: "",
    });
    const back = await runMain([
      ...["import", at(name), ...args.slice(0, 2), "--output", at("back")],
    ]);
    assertEquals(back, {
      code: 0,
      stdout: `wrote ${at("back")}: ${said}`,
      stderr: "",
    });
    const { config, tensors } = await loadCheckpoint(at("back"));
    assertEquals(config, LENET);
    assertEquals(tensors, checkpoint.tensors);
  }
  const onnx = ["--format", "onnx", "--output", at("onnx")];
  assertEquals((await runMain(["export", at("net"), ...onnx])).code, 0);
  assert((await Deno.stat(at("onnx"))).size > 246_000);
  assertEquals(namesIn(folder.path), [
    ...["back", "keras", "net", "onnx", "pytorch", "tfjs"],
  ]);
});

Deno.test("import notes what it assumes of a file that has weights alone", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/net.safetensors`;
  const { tensors } = seededCheckpoint(LENET);
  await Deno.writeFile(
    path,
    ReadableStream.from(encodeSafetensors({ tensors, metadata: {} })),
  );
  const { code, stdout, stderr } = await runMain([
    ...["import", path, "--format", "safetensors"],
    ...["--output", `${folder.path}/net`],
  ]);
  assertEquals([code, stderr], [0, ""]);
  const [note, wrote, ...more] = stdout.split("\n");
  assertEquals(wrote.endsWith(": lenet for 10 classes and 28x28 images"), true);
  assertMatch(note, /^note: .+ taken for lenet .+ sigmoid, average pooling/);
  assertEquals(more, [""]);
});

const REFUSED: [line: string, code: number, message: RegExp][] = [
  ["export", 2, /export needs one CHECKPOINT/],
  ["export a b", 2, /export needs one CHECKPOINT/],
  ["export a", 2, /export needs --format and --output/],
  ["export a --format onnx", 2, /export needs --format and --output/],
  [
    "export a --format onxn --output b",
    2,
    /--format .+ one of safetensors, tfjs, onnx.+did you mean onnx\?/,
  ],
  [
    "export a --format onnx --layout keras --output b",
    2,
    /Cannot use --layout with --format onnx/,
  ],
  [
    "export a --format onnx --output /nonexistent/b",
    2,
    /there is no folder \/nonexistent/,
  ],
  ["export mod.ts --format tfjs --output b", 1, /Cannot read mod\.ts: /],
  ["import", 2, /import needs one FILE/],
  ["import a --format tfjs", 2, /import needs --format and --output/],
  ["import a --format onnx --output b", 2, /Cannot import --format onnx/],
  ["import mod.ts --format tfjs --output b", 1, /mod\.ts: it is not JSON/],
  [
    "import deno.json --format tfjs --output b",
    1,
    /deno\.json: it is no model\.json of TensorFlow\.js/,
  ],
  [
    "import mod.ts --format safetensors --output b",
    1,
    /mod\.ts: .+ not a safetensors file, or truncated/,
  ],
];
for (const [line, code, message] of REFUSED) {
  Deno.test(`the program refuses "${line}" with exit code ${code}`, async () => {
    assertOneLineError(await runMain(line.split(" ")), { code, message });
  });
}
