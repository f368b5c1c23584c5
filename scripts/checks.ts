/**
 * What the gate checks besides the tests.
 *
 * @module
 */

/** A check: a command of `deno` that fails where something is wrong. */
export interface Check {
  /** What it checks. */
  readonly name: string;
  /** Arguments of `deno`. */
  readonly args: readonly string[];
  /** Variables that it is given. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What is checked after the tests. */
export const PUBLISH: Check = {
  name: "publish",
  args: [
    ...["run", "--allow-read", "--allow-write", "--allow-run"],
    ...["scripts/publish.ts", "--dry-run"],
  ],
};

/**
 * Lists what is checked before the tests.
 *
 * @returns The checks, in order.
 */
export async function listChecks(): Promise<Check[]> {
  const { exports } = JSON.parse(await Deno.readTextFile("deno.json"));
  const entryPoints = Object.values<string>(exports);
  return [
    { name: "fmt", args: ["fmt", "--check"] },
    { name: "lint", args: ["lint"] },
    { name: "check", args: ["check", "."] },
    ...listPeerChecks(),
    // Without --no-npm, the lint also asks for documentation of the types of npm packages.
    { name: "doc", args: ["doc", "--lint", "--no-npm", ...entryPoints] },
    {
      name: "layers",
      args: ["run", "--allow-read", "--allow-run", "scripts/check_layers.ts"],
    },
  ];
}

/** The same for what deno.json excludes, as it has a configuration of its own; types only of what tests download anyway. */
function listPeerChecks(): Check[] {
  const check = (folder: string, ...command: string[]): Check => ({
    name: `${command[0]} ${folder}`,
    args: [...command, "--config", `${folder}/deno.json`, folder],
  });
  return [
    ...["tests/peers", "bench/peers"].flatMap((folder) => [
      check(folder, "fmt", "--check"),
      check(folder, "lint"),
    ]),
    check("tests/peers", "check", "--frozen"),
  ];
}
