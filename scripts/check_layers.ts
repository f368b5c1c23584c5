/**
 * Checks that imports in `src/` point one way (a lower folder never imports a higher one) and never in a circle, that nobody
 * above `device/` reaches into it or asks which device it is, that layers which a browser can run ask `platform/` for what Deno
 * has, that files stay short, and that CONTRIBUTING.md has a row for every folder.
 */

import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** Where `links` in deno.json has packages of jsr.io stand in. */
const STAND_INS = "scripts/jsr_offline/";

/** For each file, the files that it imports, all as paths from the root with `/`. */
type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** The part of the output of `deno info --json` that is read here. */
interface Info {
  readonly modules: readonly {
    readonly specifier: string;
    readonly error?: string;
    readonly dependencies?: readonly {
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
    }[];
  }[];
}

/** From low to high: a layer may import itself and the layers of the rows above it. */
const LAYERS: readonly (readonly string[])[] = [
  ["reason.ts"],
  ["errors.ts"],
  ["options.ts", "platform", "random.ts"],
  ["device"],
  ["data", "nn"],
  ["models", "optim"],
  ["io"],
  ["train"],
  ["runs"],
  ["report", "distributed"],
  ["cli"],
  ["mod.ts"],
];

/** Most lines that a file may have. */
const MAX_LINES = 600;

/** The files of `src/device/` that the layers above may import. */
const DOORS = [
  "device",
  "formula",
  "open",
  "sizes",
  "tape",
  "tf",
];

/** How code asks which device it is on. */
const QUESTION =
  /getBackend\(|device\(\)\.name|\.name === "(?:webgpu|onednn|tfjs)"|\.device [!=]== "|adapter [!=]== undefined/;

/** Files above `device/` that may ask all the same, as they show a person the machine. */
const SHOW_MACHINE = new Set([
  "src/cli/commands/doctor.ts",
  "src/cli/terminal/console.ts",
]);

/** What is to run in a browser as well, and so goes through `platform/`. */
const PORTABLE =
  /^src\/(?:data|device|io|models|nn|optim|report|runs|train)\/|^src\/\w+\.ts$/;

/** The files that call native libraries, which only Deno can, and the names of Deno's that these need. */
const NATIVE = new Set([
  "src/device/onednn/library/describe.ts",
  "src/device/onednn/library/library.ts",
  "src/device/onednn/library/primitive.ts",
  "src/device/tfjs/cpu_backend.ts",
]);
const NATIVE_CALL =
  /Deno\.(?:dlopen|Unsafe|Pointer|Dynamic|Native|Foreign)\w*/g;

/** A name of Deno or an import of Node.js, where it is no text. */
const HOST_CALL = /(?<!["'`\w.])Deno\.|from "node:|import\("node:/;

/** Top-level folders that the package never imports from. */
const OUTSIDE = new Set(["tests", "bench", "scripts"]);

/** Finds what is wrong with the imports of the package: a line for each violation, by importing file. */
export function findViolations(graph: ImportGraph): string[] {
  return [...findForbiddenImports(graph), ...findCycles(graph)];
}

/** Finds files of more than {@linkcode MAX_LINES} lines: a line for each. */
export function findLongFiles(numLines: ReadonlyMap<string, number>): string[] {
  return [...numLines].filter(([, lines]) => lines > MAX_LINES)
    .map(([file, lines]) =>
      `${file} has ${lines} lines: split it, as ${MAX_LINES} is the most`
    );
}

/** Finds lines above `device/` that ask which device they are on, where they should call the device. */
export function findQuestions(texts: ReadonlyMap<string, string>): string[] {
  return [...texts].flatMap(([file, text]) => {
    if (!file.startsWith("src/") || file.startsWith("src/device/")) return [];
    if (SHOW_MACHINE.has(file)) return [];
    return text.split("\n").flatMap((line, i) =>
      QUESTION.test(line)
        ? [
          `${file}:${
            i + 1
          } asks which device it is: add an operation to Device`,
        ]
        : []
    );
  });
}

/** Finds lines, but for comments, that call Deno or Node.js themselves, where they should ask `platform/`. */
export function findHostCalls(texts: ReadonlyMap<string, string>): string[] {
  return [...texts].flatMap(([file, text]) => {
    if (!PORTABLE.test(file)) return [];
    const rest = NATIVE.has(file) ? text.replace(NATIVE_CALL, "") : text;
    return rest.split("\n").flatMap((line, i) =>
      HOST_CALL.test(line) && !/^\s*(?:\*|\/[/*])/.test(line)
        ? [`${file}:${i + 1} calls Deno or Node.js: ask host of src/platform`]
        : []
    );
  });
}

/**
 * Compares the table of folders in CONTRIBUTING.md with the folders of `src/`: a line for each folder without a row, and each
 * row without a folder.
 */
export function findWrongRows(
  text: string,
  folders: readonly string[],
): string[] {
  const rows = [...text.matchAll(/^\| `([\w/]+)\/` /gm)].map(([, row]) => row);
  return [
    ...folders.filter((folder) => !rows.includes(folder)).map((folder) =>
      `src/${folder} is not in CONTRIBUTING.md: add a row to its table of folders`
    ),
    ...rows.filter((row) => !folders.includes(row)).map((row) =>
      `CONTRIBUTING.md has a row for src/${row}, which is not there`
    ),
  ];
}

function findForbiddenImports(graph: ImportGraph): string[] {
  const violations: string[] = [];
  for (const [file, imports] of graph) {
    const layer = layerOf(file);
    if (layer === undefined) continue;
    if (rankOf(layer) < 0) {
      violations.push(
        `${file} is in no layer: add "${layer}" to LAYERS in scripts/check_layers.ts`,
      );
      continue;
    }
    for (const target of imports) {
      const reason = whyForbidden(layer, target);
      if (reason) violations.push(`${file} imports ${target}: ${reason}`);
    }
  }
  return violations;
}

function whyForbidden(layer: string, target: string): string | undefined {
  const [top] = target.split("/");
  if (OUTSIDE.has(top)) return `the package never imports from ${top}`;
  const other = layerOf(target);
  if (other === undefined || other === layer) return;
  if (other === "device" && !isDoor(target)) {
    const doors = DOORS.map((name) => `${name}.ts`).join(", ");
    return `layers above may import only ${doors} of src/device/`;
  }
  const [rank, otherRank] = [rankOf(layer), rankOf(other)];
  if (otherRank < 0) return; // reported where that file itself is looked at
  if (rank < otherRank) return `${layer} is below ${other}`;
  if (rank === otherRank) return `${layer} stands beside ${other}`;
}

function isDoor(target: string): boolean {
  return DOORS.some((name) => target === `src/device/${name}.ts`);
}

/** The folder or loose file of `src/`, or `mod.ts`; `undefined` outside the package. */
function layerOf(file: string): string | undefined {
  if (file === "mod.ts") return file;
  const [top, layer] = file.split("/");
  return top === "src" ? layer : undefined;
}

function rankOf(layer: string): number {
  return LAYERS.findIndex((row) => row.includes(layer));
}

/** One line for each import that closes a circle in a depth-first walk. */
function findCycles(graph: ImportGraph): string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) {
      cycles.push(`import cycle: ${[...path.slice(start), file].join(" -> ")}`);
      return;
    }
    if (done.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return cycles;
}

/**
 * Reads the imports of files of the repository, and of all that they import: static, dynamic and type-only, packages left out.
 */
async function readImportGraph(
  root: string,
  files: readonly string[],
): Promise<ImportGraph> {
  const graph = new Map<string, readonly string[]>();
  const realRoot = await Deno.realPath(root);
  for (const file of files) {
    if (graph.has(file)) continue;
    for (const module of (await readInfo(realRoot, file)).modules) {
      if (!module.specifier.startsWith("file:")) continue;
      const path = pathFromRoot(realRoot, module.specifier);
      if (module.error) throw new Error(`Cannot read ${path}: ${module.error}`);
      const targets = (module.dependencies ?? [])
        .flatMap(({ code, type }) => [code?.specifier, type?.specifier])
        .filter((specifier) => specifier !== undefined)
        .filter((specifier) => specifier.startsWith("file:"))
        .map((specifier) => pathFromRoot(realRoot, specifier))
        .filter((target) => !target.startsWith(STAND_INS));
      graph.set(path, [...new Set(targets)]);
    }
  }
  return graph;
}

async function readInfo(root: string, file: string): Promise<Info> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", file],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  if (!success) {
    throw new Error(
      `Cannot read imports of ${file}: ${decoder.decode(stderr)}`,
    );
  }
  return JSON.parse(decoder.decode(stdout));
}

function pathFromRoot(root: string, specifier: string): string {
  return relative(root, fileURLToPath(specifier)).replaceAll("\\", "/");
}

/** The TypeScript files of the given folders, as paths from the root. */
async function listFiles(
  root: string,
  folders: readonly string[],
): Promise<string[]> {
  const files: string[] = [];
  for (const folder of folders) {
    for await (const entry of Deno.readDir(join(root, folder))) {
      const path = `${folder}/${entry.name}`;
      if (path === "scripts/jsr_offline") continue;
      if (entry.isDirectory) files.push(...await listFiles(root, [path]));
      else if (path.endsWith(".ts")) files.push(path);
    }
  }
  return files.sort();
}

/** The folders of files in `src/`, as paths from there. */
function foldersOf(files: readonly string[]): string[] {
  const folders = files.filter((file) => file.startsWith("src/"))
    .map((file) => dirname(file.slice("src/".length)));
  return [...new Set(folders)].filter((folder) => folder !== ".");
}

async function readFiles(
  root: string,
  files: readonly string[],
): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const file of files) {
    texts.set(file, await Deno.readTextFile(join(root, file)));
  }
  return texts;
}

/** Checks the repository in a folder: a line for each violation, and how many files it looked at. */
export async function checkLayers(
  root: string,
): Promise<{ violations: string[]; numFiles: number }> {
  const source = ["mod.ts", ...await listFiles(root, ["src"])];
  const graph = await readImportGraph(root, source);
  const files = await listFiles(root, ["src", "scripts"]);
  const text = await Deno.readTextFile(join(root, "CONTRIBUTING.md"));
  const texts = await readFiles(root, files);
  const numLines = new Map(
    [...texts].map((
      [file, text],
    ) => [file, text.trimEnd().split("\n").length]),
  );
  const violations = [
    ...findViolations(graph),
    ...findQuestions(texts),
    ...findHostCalls(texts),
    ...findLongFiles(numLines),
    ...findWrongRows(text, foldersOf(source)),
  ];
  return { violations, numFiles: files.length + 1 };
}

if (import.meta.main) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const { violations, numFiles } = await checkLayers(root);
  for (const line of violations) console.error(line);
  if (violations.length > 0) Deno.exit(1);
  console.log(`ok: ${numFiles} files, each in its layer`);
}
