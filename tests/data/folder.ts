/**
 * Temporary folders for tests, removed when their test ends.
 *
 * @module
 */

/** A temporary folder. */
export interface Folder extends AsyncDisposable {
  /** Where it is. */
  path: string;
}

/**
 * Makes an empty folder.
 *
 * @returns The folder; disposing removes it.
 */
export async function makeFolder(): Promise<Folder> {
  const path = await Deno.makeTempDir();
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/**
 * Lists a folder.
 *
 * @param path The folder.
 * @returns Names of what is in it, sorted.
 */
export function namesIn(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}
