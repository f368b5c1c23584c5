import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { host } from "../../src/platform/host.ts";
import type { OpenMode } from "../../src/platform/platform.ts";
import { makeFolder } from "../data/folder.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("open() makes, replaces and adds to files, and refuses to make one that is there", async () => {
  await using folder = await makeFolder();
  const path = host.join(folder.path, "file");
  const write = async (mode: OpenMode, text: string) => {
    using file = await host.open(path, mode);
    await file.write(bytesOf(text));
    file.writeSync(bytesOf("!"));
    await file.sync();
  };
  await write("new", "first");
  await assertRejects(() => write("new", "again"));
  await write("append", "second");
  assertEquals(await host.readText(path), "first!second!");
  await write("replace", "third");
  assertEquals(await host.readText(path), "third!");
  host.appendSync(path, bytesOf("?"));
  assertEquals(host.readFileSync(path), bytesOf("third!?"));
  assertThrows(() => host.appendSync(`${path}s`, bytesOf("?")));
});

Deno.test("readAt() fills memory from an offset on, and says where the file ends", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/file`;
  await Deno.writeTextFile(path, "0123456789");
  using file = await host.open(path, "read");
  const bytes = new Uint8Array(4);
  assertEquals(await file.readAt(bytes, 3), 4);
  assertEquals(bytes, bytesOf("3456"));
  assertEquals(await file.readAt(bytes, 8), 2);
  assertEquals(await file.readAt(bytes, 0), 4);
  assertEquals(bytes, bytesOf("0123"));
});

Deno.test("readFile() reads no more than it is told", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/file`;
  await Deno.writeTextFile(path, "0123456789");
  assertEquals(await host.readFile(path, 10), bytesOf("0123456789"));
  await assertRejects(
    () => host.readFile(path, 9),
    Error,
    "it has more than 9 bytes",
  );
});

Deno.test("list() says which entries are folders, also behind links, and passes over links to nothing", async () => {
  await using folder = await makeFolder();
  const at = (name: string) => `${folder.path}/${name}`;
  await host.makeFolder(at("deep/folder"), { recursive: true });
  await Deno.writeTextFile(at("file"), "");
  await Deno.symlink(at("deep"), at("link"));
  await Deno.symlink(at("gone"), at("lost"));
  await Deno.symlink(at("ring"), at("ring"));
  const entries = await host.list(folder.path);
  assertEquals(
    Object.fromEntries(entries.map(({ name, isFolder }) => [name, isFolder])),
    { deep: true, file: false, link: true, lost: false, ring: false },
  );
  assertEquals(
    (await host.stat(at("link"))).id,
    (await host.stat(at("deep"))).id,
  );
});

Deno.test("isMissing() tells what is not there from what cannot be read", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/file`;
  await Deno.writeTextFile(path, "");
  assert(host.isMissing(await host.stat(`${path}s`).catch((error) => error)));
  assert(!host.isMissing(await host.stat(`${path}/x`).catch((error) => error)));
});

Deno.test("lock() makes a file that another process cannot lock meanwhile", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/lock`;
  const { href } = new URL("../../src/platform/host.ts", import.meta.url);
  const code = `const { host } = await import("${href}");
    console.log(host.lock("${path}") === undefined);`;
  const lockElsewhere = async () => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-lock", code],
    }).output();
    return new TextDecoder().decode(stdout).trim();
  };
  {
    using lock = host.lock(path);
    assert(lock !== undefined);
    assertEquals(await lockElsewhere(), "true");
  }
  assertEquals(await lockElsewhere(), "false");
});
