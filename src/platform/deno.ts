/** Deno as a host. */

import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { OpenFile, OpenMode, PathInfo, Platform } from "./platform.ts";

/** Deno as a host. Nothing of Deno is touched before it is asked for. */
export const deno: Platform = {
  get version() {
    return Deno.version.deno;
  },
  get machineName() {
    const isKnown = isGranted({ name: "sys", kind: "hostname" });
    return isKnown ? Deno.hostname() : "localhost";
  },
  get system() {
    return Deno.build.os;
  },
  get processId() {
    return Deno.pid;
  },
  cacheDir() {
    const xdg = Deno.env.get("XDG_CACHE_HOME");
    // The XDG specification says to ignore relative paths.
    let base = xdg && /^([/\\]|[A-Za-z]:)/.test(xdg) ? xdg : undefined;
    if (base === undefined && Deno.build.os === "windows") {
      base = Deno.env.get("LOCALAPPDATA");
    } else if (base === undefined) {
      const home = Deno.env.get("HOME");
      const caches = Deno.build.os === "darwin" ? "Library/Caches" : ".cache";
      base = home ? `${home}/${caches}` : undefined;
    }
    return base ? `${base}/alexnet` : undefined;
  },
  get mayCallNative() {
    return isGranted({ name: "ffi" });
  },
  variable: (name) =>
    isGranted({ name: "env", variable: name }) ? Deno.env.get(name) : undefined,
  setDefault(variable, value) {
    if (!isGranted({ name: "env", variable })) return;
    if (!Deno.env.get(variable)) Deno.env.set(variable, value);
  },
  mayRead(url) {
    if (url.protocol !== "file:") return true;
    return isGranted({ name: "read", path: fileURLToPath(url) });
  },
  replaceExit(exit) {
    Object.assign(globalThis, { close: exit });
    Object.assign(Deno, { exit });
  },

  join,
  folderOf: dirname,
  nameOf: (path) => basename(resolve(path)),
  pathOf: fileURLToPath,
  realPath: (path) => Deno.realPath(path),

  async stat(path) {
    return infoOf(await Deno.stat(path));
  },
  isMissing: (error) => error instanceof Deno.errors.NotFound,
  async list(folder) {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    return await Promise.all(entries.map(async (entry) => ({
      name: entry.name,
      isFolder: entry.isSymlink
        ? await leadsToFolder(`${folder}/${entry.name}`)
        : entry.isDirectory,
    })));
  },
  async readFile(file, maxBytes) {
    if (maxBytes === undefined) return await Deno.readFile(file);
    return await collect((await Deno.open(file)).readable, maxBytes);
  },
  readFileSync: (path) => Deno.readFileSync(path),
  readText: (path) => Deno.readTextFile(path),
  open: async (path, mode) => openFile(await Deno.open(path, MODES[mode])),
  appendSync(path, bytes) {
    Deno.writeFileSync(path, bytes, { append: true, create: false });
  },
  makeFolder: (path, options) => Deno.mkdir(path, options),
  rename: (from, to) => Deno.rename(from, to),
  copy: (from, to) => Deno.copyFile(from, to),
  link: (from, to) => Deno.link(from, to),
  remove: (path, options) => Deno.remove(path, options),
  lock(path) {
    const file = Deno.openSync(path, { write: true, create: true });
    try {
      if (file.tryLockSync(true)) return file;
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
  },
};

function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

const MODES: Readonly<Record<OpenMode, Deno.OpenOptions>> = {
  read: { read: true },
  new: { write: true, createNew: true },
  replace: { write: true, create: true, truncate: true },
  append: { append: true, create: true },
};

function openFile(file: Deno.FsFile): OpenFile {
  return {
    async readAt(bytes, offset) {
      await file.seek(offset, Deno.SeekMode.Start);
      let done = 0;
      while (done < bytes.length) {
        const count = await file.read(bytes.subarray(done));
        if (count === null) break;
        done += count;
      }
      return done;
    },
    async write(bytes) {
      for (let done = 0; done < bytes.length;) {
        done += await file.write(bytes.subarray(done));
      }
    },
    writeSync(bytes) {
      for (let done = 0; done < bytes.length;) {
        done += file.writeSync(bytes.subarray(done));
      }
    },
    sync: () => file.sync(),
    [Symbol.dispose]: () => file.close(),
  };
}

function infoOf(
  { isFile, isDirectory, size, dev, ino }: Deno.FileInfo,
): PathInfo {
  const id = ino === null ? undefined : `${dev}:${ino}`;
  return { isFile, isFolder: isDirectory, size, id };
}

async function leadsToFolder(link: string): Promise<boolean> {
  const { NotFound, NotADirectory, FilesystemLoop } = Deno.errors;
  try {
    return (await Deno.stat(link)).isDirectory;
  } catch (error) {
    const dangling = [NotFound, NotADirectory, FilesystemLoop];
    if (dangling.some((kind) => error instanceof kind)) return false;
    throw error;
  }
}

async function collect(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let numBytes = 0;
  for await (const chunk of stream) {
    numBytes += chunk.length;
    if (numBytes > maxBytes) {
      throw new Error(`it has more than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return await new Blob(chunks).bytes();
}
