/** Tests of finding files and of reading them verified. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  dataCacheDir,
  type DataFile,
  ensureFashionMnist,
  ensureFile,
  type FileOptions,
  readVerified,
} from "../../../src/data/fashion_mnist/files.ts";
import {
  MANIFEST,
  sha256Of,
} from "../../../src/data/fashion_mnist/manifest.ts";
import { DataError, OptionError } from "../../../src/errors.ts";
import { setVariables } from "../../environment.ts";
import { makeFolder, namesIn } from "../folder.ts";
import { NOBODY, startMirror } from "../mirror.ts";

const ENTRY = MANIFEST.sample.files[2];
const NAME = `${ENTRY.name}.gz`;
const FILE = await Deno.readFile(
  new URL(`../../../data/sample/${NAME}`, import.meta.url),
);

/** Sets the cache folder to one in a temporary folder, and hides the system's. */
async function withCache(
  body: (cache: string, options: FileOptions) => Promise<void>,
): Promise<void> {
  await using temporary = await makeFolder();
  using _variables = setVariables({ XDG_CACHE_HOME: temporary.path });
  await Deno.mkdir(dataCacheDir(), { recursive: true });
  const systemDir = `${temporary.path}/system`;
  await body(dataCacheDir(), { systemDir });
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const { message } = await assertRejects(() => promise, DataError);
  assertEquals(message.includes("\n"), false);
  return message;
}

Deno.test("dataCacheDir() follows XDG_CACHE_HOME", async () => {
  await withCache((cache) => {
    const base = Deno.env.get("XDG_CACHE_HOME");
    assertEquals(cache, `${base}/alexnet/fashion-mnist`);
    return Promise.resolve();
  });
});

Deno.test("ensureFile() finds gz and plain files, the cache before the system", async () => {
  await withCache(async (cache, options) => {
    const systemDir = `${options.systemDir}`;
    await Deno.mkdir(systemDir);
    for (
      const [path, origin] of [
        [`${systemDir}/${ENTRY.name}`, "system"],
        [`${systemDir}/${NAME}`, "system"],
        [`${cache}/${ENTRY.name}`, "cache"],
        [`${cache}/${NAME}`, "cache"],
      ] as const
    ) {
      await Deno.writeTextFile(path, "");
      const file = await ensureFile(ENTRY, { ...options, offline: true });
      assertEquals(file, { ...ENTRY, path, origin });
    }
  });
});

Deno.test("ensureFile() looks nowhere but in a folder that the user named", async () => {
  await withCache(async (cache, options) => {
    await Deno.writeFile(`${cache}/${NAME}`, FILE);
    await using named = await makeFolder();
    const dataDir = named.path;
    const message = await refusal(
      ensureFile(ENTRY, { ...options, dataDir, offline: true }),
    );
    assertStringIncludes(message, dataDir);
    assertEquals(message.includes(cache), false);
    assertStringIncludes(message, "run without --offline");
  });
});

Deno.test("ensureFile() says offline which file is missing where, and what to do", async () => {
  await withCache(async (cache, options) => {
    const message = await refusal(
      ensureFile(ENTRY, { ...options, offline: true }),
    );
    for (const part of [NAME, cache, options.systemDir, "--offline"]) {
      assertStringIncludes(message, `${part}`);
    }
    assertStringIncludes(message, "`data fetch`");
    assertStringIncludes(message, "apt-get install dataset-fashion-mnist");
  });
});

Deno.test("ensureFile() downloads into the cache, or into a folder that the user named", async () => {
  await withCache(async (cache, options) => {
    await using mirror = startMirror(() => new Response(FILE));
    await using named = await makeFolder();
    // Without its slash at the end.
    const mirrors = [mirror.url.slice(0, -1)];
    const dataDir = `${named.path}/new`;
    const there = await ensureFile(ENTRY, { ...options, mirrors, dataDir });
    assertEquals(there.origin, "named");
    assertEquals(namesIn(dataDir), [NAME]);
    assertEquals(namesIn(cache), []);
    const here = await ensureFile(ENTRY, { ...options, mirrors });
    assertEquals(here, { ...ENTRY, path: `${cache}/${NAME}`, origin: "cache" });
    assertEquals(namesIn(cache), [NAME]);
    assertEquals((await readVerified(here)).length, ENTRY.numBytes);
  });
});

Deno.test("ensureFashionMnist() names the first missing file of an empty or absent folder", async () => {
  await using temporary = await makeFolder();
  for (const dataDir of [temporary.path, `${temporary.path}/absent`]) {
    const message = await refusal(
      ensureFashionMnist({ dataDir, offline: true }),
    );
    assertStringIncludes(message, `train-images-idx3-ubyte.gz in ${dataDir} `);
  }
});

Deno.test("ensureFashionMnist() refuses a file instead of a folder", async () => {
  await using temporary = await makeFolder();
  const dataDir = `${temporary.path}/file`;
  await Deno.writeTextFile(dataDir, "");
  for (const offline of [false, true]) {
    assertStringIncludes(
      await refusal(
        ensureFashionMnist({ dataDir, offline, mirrors: [NOBODY] }),
      ),
      `${dataDir} as it is not a folder`,
    );
  }
});

Deno.test("ensureFashionMnist() refuses options that cannot be", async () => {
  for (
    const options of [
      { dataDir: "" },
      { mirrors: [] },
      { mirrors: ["ftp://x/"] },
      { mirrors: ["x"] },
    ]
  ) {
    await assertRejects(() => ensureFashionMnist(options), OptionError);
  }
});

Deno.test("readVerified() reads gz and plain files, whatever they are called", async () => {
  await using temporary = await makeFolder();
  const path = `${temporary.path}/${NAME}`;
  await Deno.writeFile(path, FILE);
  const file: DataFile = { ...ENTRY, path, origin: "named" };
  const content = await readVerified(file);
  assertEquals(await sha256Of(content), ENTRY.sha256);
  await Deno.writeFile(path, content);
  assertEquals(await readVerified(file), content);
});

const DAMAGED = FILE.map((byte, i) => i === 100_000 ? byte ^ 0x10 : byte);

Deno.test("readVerified() refuses a damaged file and leaves it in the user's folder", async () => {
  await using temporary = await makeFolder();
  const path = `${temporary.path}/${NAME}`;
  await Deno.writeFile(path, DAMAGED);
  const message = await refusal(
    readVerified({ ...ENTRY, path, origin: "named" }),
  );
  assertStringIncludes(message, path);
  assertStringIncludes(
    message,
    `expected ${ENTRY.numBytes} bytes with SHA-256 ${ENTRY.sha256}, found `,
  );
  assertStringIncludes(message, "delete it or choose another --data-dir");
  assertEquals(namesIn(temporary.path), [NAME]);
});

Deno.test("readVerified() names the checksum of other data of the same length", async () => {
  await using temporary = await makeFolder();
  const path = `${temporary.path}/${ENTRY.name}`;
  const bytes = new Uint8Array(ENTRY.numBytes);
  await Deno.writeFile(path, bytes);
  assertStringIncludes(
    await refusal(readVerified({ ...ENTRY, path, origin: "system" })),
    `SHA-256 ${await sha256Of(bytes)}: reinstall the package`,
  );
});

Deno.test("readVerified() replaces a wrong file in the cache", async () => {
  await withCache(async (cache, options) => {
    await using mirror = startMirror(() => new Response(FILE));
    const path = `${cache}/${ENTRY.name}`;
    await Deno.writeTextFile(path, "wrong");
    const file: DataFile = { ...ENTRY, path, origin: "cache" };
    const content = await readVerified(file, {
      ...options,
      mirrors: [mirror.url],
    });
    assertEquals(content.length, ENTRY.numBytes);
    assertEquals(namesIn(cache), [NAME]);
  });
});

Deno.test("readVerified() deletes a wrong file in the cache and says so when offline", async () => {
  await withCache(async (cache, options) => {
    const path = `${cache}/${NAME}`;
    await Deno.writeFile(path, DAMAGED);
    const file: DataFile = { ...ENTRY, path, origin: "cache" };
    const offline = { ...options, offline: true };
    const message = await refusal(readVerified(file, offline));
    assertStringIncludes(message, `expected ${ENTRY.numBytes} bytes`);
    assertStringIncludes(message, "run without --offline");
    assertEquals(namesIn(cache), []);
  });
});

Deno.test("readVerified() refuses a folder in place of a file", async () => {
  await using temporary = await makeFolder();
  const path = temporary.path;
  assertStringIncludes(
    await refusal(readVerified({ ...ENTRY, path, origin: "named" })),
    `Cannot read ${path}`,
  );
});
