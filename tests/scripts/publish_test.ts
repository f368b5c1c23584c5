/** Tests of publishing, as far as it goes without a registry. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { copyPackage } from "../../scripts/publish.ts";
import { type Outcome, run } from "../cli/program.ts";
import { type Folder, makeFolder, namesIn } from "../data/folder.ts";

const MANIFEST = {
  name: "@x/tiny",
  version: "0.0.1",
  license: "MIT",
  exports: "./mod.ts",
  imports: { "@std/tinier": "jsr:@std/tinier@^1" },
  publish: { include: ["deno.json", "mod.ts", "src/"] },
};
const LINKS = ["./scripts/tinier"];

/** A package that imports a stand-in which lies inside of it, and has a file that is not published. */
async function makePackage(
  { links }: { links?: readonly string[] } = {},
): Promise<Folder> {
  const folder = await makeFolder();
  const files = {
    "deno.json": JSON.stringify({ ...MANIFEST, links }),
    "deno.lock": '{ "version": "5" }',
    "mod.ts": 'export { two } from "./src/two.ts";\n',
    "secret.txt": "",
    "src/two.ts":
      'import { one } from "@std/tinier";\n\n/** Two. */\nexport const two: number = one + one;\n',
    "scripts/tinier/deno.json":
      '{ "name": "@std/tinier", "version": "1.0.0", "exports": "./mod.ts" }',
    "scripts/tinier/mod.ts": "export const one: number = 1;\n",
  };
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder.path, name);
    await Deno.mkdir(join(path, ".."), { recursive: true });
    await Deno.writeTextFile(path, text);
  }
  return folder;
}

Deno.test("copyPackage() copies what is published, and links to stand-ins beside the copy", async () => {
  await using root = await makePackage({ links: LINKS });
  await using folder = await makeFolder();
  const copy = await copyPackage(root.path, folder.path, { hasLinks: true });
  assertEquals(namesIn(folder.path), ["package", "tinier"]);
  assertEquals(namesIn(copy), ["deno.json", "deno.lock", "mod.ts", "src"]);
  assertEquals(namesIn(`${copy}/src`), ["two.ts"]);
  assertEquals(namesIn(`${folder.path}/tinier`), ["deno.json", "mod.ts"]);
  assertEquals(JSON.parse(await Deno.readTextFile(`${copy}/deno.json`)), {
    ...MANIFEST,
    links: ["../tinier"],
  });
});

Deno.test("copyPackage() leaves links out on request, and where there are none", async () => {
  for (const links of [LINKS, undefined]) {
    await using root = await makePackage({ links });
    await using folder = await makeFolder();
    const hasLinks = links === undefined;
    const copy = await copyPackage(root.path, folder.path, { hasLinks });
    assertEquals(namesIn(folder.path), ["package"]);
    const manifest = await Deno.readTextFile(`${copy}/deno.json`);
    assertEquals(JSON.parse(manifest), MANIFEST);
  }
});

Deno.test("publish() tries a package that imports a stand-in, and leaves nothing behind", async () => {
  await using root = await makePackage({ links: LINKS });
  await using temporary = await makeFolder();
  const { code, stdout, stderr } = await publishIn(temporary, root);
  assertEquals([code, stdout], [0, ""], stderr);
  assertStringIncludes(stderr, "Simulating publish of @x/tiny@0.0.1");
  assertEquals(namesIn(temporary.path), []);
});

Deno.test("publish() says what is wrong, and leaves nothing behind", async () => {
  await using root = await makePackage({ links: LINKS });
  await Deno.writeTextFile(
    `${root.path}/mod.ts`,
    "export const a: string = 1;",
  );
  await using temporary = await makeFolder();
  const { code, stderr } = await publishIn(temporary, root);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "Type 'number' is not assignable");
  assertEquals(namesIn(temporary.path), []);
});

Deno.test("publish() refuses changes that are not committed, and runs nothing", async () => {
  await using root = await makePackage({ links: LINKS });
  const init = await run("git", { args: ["init", "--quiet", root.path] });
  assertEquals(init.code, 0, init.stderr);
  await using temporary = await makeFolder();
  // Whatever it ran would print more.
  assertEquals(await publishIn(temporary, root, { isDryRun: false }), {
    ...{ code: 1, stdout: "" },
    stderr: "error: Cannot publish changes that are not committed\n",
  });
  assertEquals(namesIn(temporary.path), []);
});

/** Publishes, or tries to, in a process whose temporary files go to a folder. */
function publishIn(
  temporary: Folder,
  root: Folder,
  { isDryRun }: { isDryRun: boolean } = { isDryRun: true },
): Promise<Outcome> {
  const code = `import { publish } from "./scripts/publish.ts";
    Deno.exit(await publish(Deno.args[0], { isDryRun: ${isDryRun} }));`;
  return run(Deno.execPath(), {
    args: ["eval", code, "--", root.path],
    env: { TMPDIR: temporary.path, TMP: temporary.path, NO_COLOR: "1" },
  });
}
