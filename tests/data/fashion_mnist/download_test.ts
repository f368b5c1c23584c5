/** Tests of downloading, against servers on this machine that behave and misbehave. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  downloadFile,
  type DownloadProgress,
} from "../../../src/data/fashion_mnist/download.ts";
import { MANIFEST } from "../../../src/data/fashion_mnist/manifest.ts";
import { DataError } from "../../../src/errors.ts";
import { makeFolder, namesIn } from "../folder.ts";
import { answerCut, answerRange, NOBODY, startMirror } from "../mirror.ts";

const ENTRY = MANIFEST.sample.files[2];
const NAME = `${ENTRY.name}.gz`;
const FILE = await Deno.readFile(
  new URL(`../../../data/sample/${NAME}`, import.meta.url),
);
const HALF = FILE.length >> 1;
const WRONG = FILE.map((byte, i) => i === HALF ? byte ^ 1 : byte);

/** Listens to a download until half of the file has arrived. */
function untilHalf() {
  const { promise: arrived, resolve } = Promise.withResolvers<void>();
  const onProgress = ({ receivedBytes }: DownloadProgress) => {
    if (receivedBytes === HALF) resolve();
  };
  return { arrived, onProgress };
}

/** Holds timers that are set from now on: `goOff` has the last one go off. */
function holdTimers(): { goOff(): void } & Disposable {
  const { setTimeout } = globalThis;
  let last: (() => void) | undefined;
  const hold = (action: () => void) => {
    last = action;
    // No timer has this number, for whoever clears it.
    return -1;
  };
  Object.assign(globalThis, { setTimeout: hold });
  return {
    goOff: () => last!(),
    [Symbol.dispose]() {
      Object.assign(globalThis, { setTimeout });
    },
  };
}

Deno.test("downloadFile() downloads, reports progress and leaves only the file", async () => {
  await using mirror = startMirror((name) =>
    name === NAME ? new Response(FILE) : new Response(null, { status: 404 })
  );
  await using temporary = await makeFolder();
  const folder = `${temporary.path}/new/folder`;
  const reports: DownloadProgress[] = [];
  const path = await downloadFile(ENTRY, {
    folder,
    mirrors: [mirror.url],
    onProgress: (report) => reports.push(report),
  });
  assertEquals(path, `${folder}/${NAME}`);
  assertEquals(await Deno.readFile(path), FILE);
  assertEquals(namesIn(folder), [NAME]);
  assertEquals(reports.at(-1), {
    file: NAME,
    receivedBytes: FILE.length,
    totalBytes: FILE.length,
  });
  assert(reports.every(({ file }) => file === NAME));
});

Deno.test("downloadFile() keeps what arrived before the connection broke and resumes in the next run", async () => {
  await using temporary = await makeFolder();
  const folder = temporary.path;
  let broken = true;
  const { arrived, onProgress } = untilHalf();
  await using mirror = startMirror((_, request) =>
    broken
      ? answerCut(FILE.slice(0, HALF), arrived)
      : answerRange(FILE, request)
  );
  const options = { folder, mirrors: [mirror.url] };
  await assertRejects(
    () => downloadFile(ENTRY, { ...options, onProgress }),
    DataError,
  );
  assertEquals(namesIn(folder), [`${NAME}.part`]);
  assertEquals(
    await Deno.readFile(`${folder}/${NAME}.part`),
    FILE.slice(0, HALF),
  );

  broken = false;
  const received: number[] = [];
  await downloadFile(ENTRY, {
    ...options,
    onProgress({ receivedBytes, totalBytes }) {
      received.push(receivedBytes);
      assertEquals(totalBytes, FILE.length);
    },
  });
  assertEquals(mirror.ranges, ["", `bytes=${HALF}-`]);
  assert(received[0] > HALF);
  assertEquals(await Deno.readFile(`${folder}/${NAME}`), FILE);
  assertEquals(namesIn(folder), [NAME]);
});

Deno.test("downloadFile() called twice at once gives both the whole file, and leaves only that", async () => {
  await using temporary = await makeFolder();
  const folder = temporary.path;
  // Each answer is half sent before either goes on.
  const halves = [untilHalf(), untilHalf()];
  const both = Promise.all(halves.map(({ arrived }) => arrived));
  await using mirror = startMirror(() =>
    new Response(ReadableStream.from((async function* () {
      yield FILE.slice(0, HALF);
      await both;
      yield FILE.slice(HALF);
    })()))
  );
  const files = await Promise.all(halves.map(async ({ onProgress }) => {
    const options = { folder, mirrors: [mirror.url], onProgress };
    return await Deno.readFile(await downloadFile(ENTRY, options));
  }));
  assertEquals(files, [FILE, FILE]);
  assertEquals(mirror.ranges, ["", ""]);
  assertEquals(namesIn(folder), [NAME]);
});

Deno.test("downloadFile() resumes on the next mirror in the same run", async () => {
  await using temporary = await makeFolder();
  const folder = temporary.path;
  const { arrived, onProgress } = untilHalf();
  await using cut = startMirror(() => answerCut(FILE.slice(0, HALF), arrived));
  await using good = startMirror((_, request) => answerRange(FILE, request));
  const mirrors = [cut.url, good.url];
  await downloadFile(ENTRY, { folder, mirrors, onProgress });
  assertEquals(good.ranges, [`bytes=${HALF}-`]);
  assertEquals(namesIn(folder), [NAME]);
});

const RESTARTS: Record<string, (request: Request) => Response> = {
  "ignores Range": () => new Response(FILE),
  "answers 416": (request) =>
    request.headers.has("range")
      ? new Response(null, { status: 416 })
      : new Response(FILE),
  "answers another range": (request) =>
    request.headers.has("range")
      ? new Response(FILE, {
        status: 206,
        headers: {
          "content-range": `bytes 0-${FILE.length - 1}/${FILE.length}`,
        },
      })
      : new Response(FILE),
};
for (const [behaviour, answer] of Object.entries(RESTARTS)) {
  Deno.test(`downloadFile() starts again where the server ${behaviour}`, async () => {
    await using temporary = await makeFolder();
    const folder = temporary.path;
    await Deno.writeFile(`${folder}/${NAME}.part`, FILE.slice(0, HALF));
    await using mirror = startMirror((_, request) => answer(request));
    await downloadFile(ENTRY, { folder, mirrors: [mirror.url] });
    assertEquals(await Deno.readFile(`${folder}/${NAME}`), FILE);
    assertEquals(namesIn(folder), [NAME]);
  });
}

Deno.test("downloadFile() starts again when the beginning was of another file", async () => {
  await using temporary = await makeFolder();
  const folder = temporary.path;
  await Deno.writeFile(`${folder}/${NAME}.part`, WRONG.slice(0, HALF + 1));
  await using mirror = startMirror((_, request) => answerRange(FILE, request));
  await downloadFile(ENTRY, { folder, mirrors: [mirror.url] });
  assertEquals(mirror.ranges, [`bytes=${HALF + 1}-`, ""]);
  assertEquals(await Deno.readFile(`${folder}/${NAME}`), FILE);
  assertEquals(namesIn(folder), [NAME]);
});

Deno.test("downloadFile() deletes wrong content and tries the next mirror", async () => {
  await using temporary = await makeFolder();
  const folder = temporary.path;
  await using wrong = startMirror(() => new Response(WRONG));
  await using good = startMirror(() => new Response(FILE));
  await downloadFile(ENTRY, { folder, mirrors: [wrong.url, good.url] });
  assertEquals(good.ranges, [""]);
  assertEquals(await Deno.readFile(`${folder}/${NAME}`), FILE);
  assertEquals(namesIn(folder), [NAME]);
});

const WRONG_CONTENT: Record<string, Uint8Array<ArrayBuffer>> = {
  "a page": new TextEncoder().encode("<html>Log in to the network</html>"),
  "nothing": new Uint8Array(0),
  "a flipped byte": WRONG,
  "half of the file": FILE.slice(0, HALF),
  "endless data": new Uint8Array(ENTRY.numBytes * 2),
};
for (const [what, content] of Object.entries(WRONG_CONTENT)) {
  Deno.test(`downloadFile() refuses ${what} and leaves nothing behind`, async () => {
    await using temporary = await makeFolder();
    const folder = temporary.path;
    await using mirror = startMirror(() => new Response(content));
    const error = await assertRejects(
      () => downloadFile(ENTRY, { folder, mirrors: [mirror.url] }),
      DataError,
      `expected ${ENTRY.numBytes} bytes with SHA-256 ${ENTRY.sha256}, found `,
    );
    assertStringIncludes(error.message, NAME);
    assertEquals(error.message.includes("\n"), false);
    assertEquals(namesIn(folder), []);
  });
}

Deno.test("downloadFile() says why each mirror failed and what to do, in one line", async () => {
  await using temporary = await makeFolder();
  const folder = temporary.path;
  await using missing = startMirror(() => new Response("no", { status: 404 }));
  const error = await assertRejects(
    () => downloadFile(ENTRY, { folder, mirrors: [NOBODY, missing.url] }),
    DataError,
  );
  assertEquals(error.path, `${folder}/${NAME}`);
  const { message } = error;
  assertStringIncludes(message, `Cannot download ${NAME}`);
  assertStringIncludes(message, `${NOBODY}: `);
  assertStringIncludes(message, "refused");
  assertStringIncludes(message, `${missing.url}: HTTP status 404`);
  assertStringIncludes(message, folder);
  assertStringIncludes(message, "apt-get install dataset-fashion-mnist");
  assertEquals(message.includes("\n"), false);
  assertEquals(namesIn(folder), []);
});

Deno.test("downloadFile() gives up on a server that does not answer", async () => {
  await using temporary = await makeFolder();
  const folder = temporary.path;
  const silence = Promise.withResolvers<Response>();
  using timers = holdTimers();
  await using mirror = startMirror(() => {
    timers.goOff();
    return silence.promise;
  });
  await assertRejects(
    () => downloadFile(ENTRY, { folder, mirrors: [mirror.url] }),
    DataError,
    "no answer within 20 s",
  );
  assertEquals(namesIn(folder), []);
  silence.resolve(new Response());
});

Deno.test("downloadFile() gives up on a server that stalls, keeping what arrived", async () => {
  await using temporary = await makeFolder();
  const folder = temporary.path;
  const { arrived, onProgress } = untilHalf();
  using timers = holdTimers();
  arrived.then(timers.goOff);
  await using mirror = startMirror(() => answerCut(FILE.slice(0, HALF)));
  const stallTimeoutMs = 200;
  await assertRejects(
    () =>
      downloadFile(ENTRY, {
        ...{ folder, mirrors: [mirror.url] },
        ...{ onProgress, stallTimeoutMs },
      }),
    DataError,
    "no further data within 0.2 s",
  );
  assertEquals(namesIn(folder), [`${NAME}.part`]);
});

Deno.test("downloadFile() accepts a file that the server decompressed", async () => {
  await using temporary = await makeFolder();
  const folder = temporary.path;
  const plain = await new Response(
    new Blob([FILE]).stream().pipeThrough(new DecompressionStream("gzip")),
  ).bytes();
  await using mirror = startMirror(() => new Response(plain));
  await downloadFile(ENTRY, { folder, mirrors: [mirror.url] });
  assertEquals(namesIn(folder), [NAME]);
});

Deno.test("downloadFile() names a folder that cannot be made", async () => {
  await using temporary = await makeFolder();
  const file = `${temporary.path}/file`;
  await Deno.writeTextFile(file, "");
  await using mirror = startMirror(() => new Response(FILE));
  await assertRejects(
    () =>
      downloadFile(ENTRY, { folder: `${file}/folder`, mirrors: [mirror.url] }),
    DataError,
    `Cannot save the download at ${file}/folder`,
  );
});
