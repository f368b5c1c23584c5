/**
 * What this package asks of whatever runs it: files, folders, the environment. Each host implements it once; Deno's is in
 * `deno.ts`, and `host.ts` says which one is in use. What browsers have as well (fetch, workers, timers) is used as it is.
 */

/** What is at a path. */
export interface PathInfo {
  readonly isFile: boolean;
  readonly isFolder: boolean;
  /** Bytes of a file. */
  readonly size: number;
  /** Equal for two paths that lead to one folder; undefined where the system does not tell. */
  readonly id?: string;
}

/** Something in a folder. A link counts as what it leads to; one that leads nowhere is no folder. */
export interface FolderEntry {
  readonly name: string;
  readonly isFolder: boolean;
}

/** How a file is opened: to read it, to make one that must not exist yet, to empty it first, or to write at its end. */
export type OpenMode = "read" | "new" | "replace" | "append";

/** An open file, to be disposed. */
export interface OpenFile extends Disposable {
  /** Fills memory with the bytes from an offset on; returns how many there were, fewer only at the end of the file. */
  readAt(bytes: Uint8Array, offset: number): Promise<number>;
  /** Writes all of the bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /** Writes all of the bytes before it returns. */
  writeSync(bytes: Uint8Array): void;
  /** Waits until what was written is on the disk. */
  sync(): Promise<void>;
}

/** A host. What fails throws the host's own error, whose message says why. */
export interface Platform {
  /** Version of the host. */
  readonly version: string;
  /** Name of this machine; "localhost" where the host may not tell. */
  readonly machineName: string;
  /** Operating system: "linux", "darwin", "windows" or another. */
  readonly system: string;
  readonly processId: number;
  /** The folder of this package among those that the user's system has for caches, if it has any. */
  cacheDir(): string | undefined;
  /** Whether native libraries can be loaded, and their pointers read, without asking the user. */
  readonly mayCallNative: boolean;
  /** An environment variable, if it is set and can be read without asking the user. */
  variable(name: string): string | undefined;
  /** Sets an environment variable that is not set, where that is permitted. */
  setDefault(variable: string, value: string): void;
  /** Whether code can be read from an address without asking the user. */
  mayRead(url: URL): boolean;
  /** Makes code that ends this process or worker call `exit` instead. */
  replaceExit(exit: () => never): void;

  /** Joins parts of a path, each of which may go up. */
  join(...parts: string[]): string;
  /** The folder that a path lies in. */
  folderOf(path: string): string;
  /** The last part of a path, which may be relative to the working directory. */
  nameOf(path: string): string;
  /** The path of a `file:` address. */
  pathOf(url: URL): string;
  /** The path without links. */
  realPath(path: string): Promise<string>;

  /** Says what is at a path, or at the end of the links that are there. */
  stat(path: string): Promise<PathInfo>;
  /** Whether an error says that there is nothing at a path. */
  isMissing(error: unknown): boolean;
  /** Lists a folder, in no order. */
  list(folder: string): Promise<FolderEntry[]>;
  /** Reads a file or a pipe, by path or `file:` address; throws as soon as there are more than `maxBytes`. */
  readFile(
    file: string | URL,
    maxBytes?: number,
  ): Promise<Uint8Array<ArrayBuffer>>;
  readFileSync(path: string): Uint8Array<ArrayBuffer>;
  /** Reads a file as UTF-8. */
  readText(path: string): Promise<string>;
  /** Opens a file; every mode but "read" makes it. */
  open(path: string, mode: OpenMode): Promise<OpenFile>;
  /** Adds to a file that exists, before it returns. */
  appendSync(path: string, bytes: Uint8Array): void;
  /** Makes a folder; if `recursive`, also those that it lies in, and it may exist. */
  makeFolder(path: string, options?: { recursive?: boolean }): Promise<void>;
  /** Moves a file or a folder to another path, in place of what was there. */
  rename(from: string, to: string): Promise<void>;
  copy(from: string, to: string): Promise<void>;
  /** Gives a file a second path. */
  link(from: string, to: string): Promise<void>;
  /** Removes a file or an empty folder; if `recursive`, also a folder with something in it. */
  remove(path: string, options?: { recursive?: boolean }): Promise<void>;
  /** Locks a file, which is made if it is not there, until it is disposed or the process ends; undefined if another process has locked it. */
  lock(path: string): Disposable | undefined;
}
