/**
 * Reads which file imports which, as Deno itself resolves it.
 *
 * @module
 */

import { relative } from "node:path";
import { fileURLToPath } from "node:url";

/** Where `links` in deno.json has packages of jsr.io stand in. */
const STAND_INS = "scripts/jsr_offline/";

/** For each file, the files that it imports, all as paths from the root with `/`. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

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

/**
 * Reads the imports of files and of all that they import: static, dynamic and type-only.
 *
 * @param root Path of the repository's root folder.
 * @param files Paths of the files from there.
 * @returns The imports between files of the repository; packages are left out.
 * @throws {Error} Where Deno cannot read or resolve a file.
 */
export async function readImportGraph(
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
