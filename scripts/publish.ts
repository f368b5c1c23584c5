/**
 * Publishes the package to JSR: `publish.ts [--dry-run]`, from a copy of what is published in a temporary folder.
 *
 * In a dry run, the stand-ins of `links` in deno.json lie beside the copy, as Deno publishes no package that contains linked
 * ones. Otherwise the copy has no links, and so uses the real packages.
 */

import { cp } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Signals that would end this process with the copy left behind. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/** The part of deno.json that is read here. */
interface Manifest {
  readonly links?: readonly string[];
  readonly publish: { readonly include: readonly string[] };
}

/**
 * Copies what is published of a package, and the lock file, which keeps the versions that were tested, into an empty folder;
 * gives the path of the copy.
 */
export async function copyPackage(
  root: string,
  folder: string,
  { hasLinks }: { hasLinks: boolean },
): Promise<string> {
  const copy = join(folder, "package");
  const text = await Deno.readTextFile(join(root, "deno.json"));
  const { links = [], ...manifest }: Manifest = JSON.parse(text);
  for (const path of [...manifest.publish.include, "deno.lock"]) {
    await cp(join(root, path), join(copy, path), { recursive: true });
  }
  const linked = hasLinks ? links : [];
  for (const link of linked) {
    const target = join(folder, basename(link));
    await cp(join(root, link), target, { recursive: true });
  }
  const written = {
    ...manifest,
    ...(linked.length > 0
      ? { links: linked.map((link) => `../${basename(link)}`) }
      : {}),
  };
  await Deno.writeTextFile(
    join(copy, "deno.json"),
    JSON.stringify(written, null, 2),
  );
  return copy;
}

/**
 * Publishes a package whose changes are all committed, or only tries to, and removes the copy in any case; gives the exit code.
 */
export async function publish(
  root: string,
  { isDryRun }: { isDryRun: boolean },
): Promise<number> {
  if (!isDryRun && await hasChanges(root)) {
    console.error("error: Cannot publish changes that are not committed");
    return 1;
  }
  // An interrupt ends the child process; this one ends when it has cleaned up.
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  for (const signal of SIGNALS) Deno.addSignalListener(signal, onSignal);
  const folder = await Deno.makeTempDir({ prefix: "publish-" });
  try {
    const cwd = await copyPackage(root, folder, { hasLinks: isDryRun });
    const child = new Deno.Command(Deno.execPath(), {
      args: ["publish", ...(isDryRun ? ["--dry-run"] : [])],
      cwd,
      signal: interrupt.signal,
    }).spawn();
    return (await child.status).code;
  } finally {
    await Deno.remove(folder, { recursive: true });
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, onSignal);
  }
}

/** Whether there are changes that `deno publish` would refuse; it cannot see them, as the copy is in no repository. */
async function hasChanges(root: string): Promise<boolean> {
  const { success, stdout } = await new Deno.Command("git", {
    args: ["status", "--porcelain"],
    cwd: root,
    stderr: "inherit",
  }).output();
  return !success || stdout.length > 0;
}

if (import.meta.main) {
  const isDryRun = Deno.args[0] === "--dry-run";
  if (Deno.args.length > Number(isDryRun)) {
    console.error("usage: publish.ts [--dry-run]");
    Deno.exit(2);
  }
  const root = fileURLToPath(new URL("..", import.meta.url));
  Deno.exit(await publish(root, { isDryRun }));
}
