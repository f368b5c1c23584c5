/**
 * Where the user's system has programs keep what they can do without.
 *
 * @module
 */

/**
 * Names the folder of this package.
 *
 * @returns `alexnet` in `$XDG_CACHE_HOME`, or else in `~/.cache` (Linux), `~/Library/Caches` (macOS) or `%LOCALAPPDATA%`
 * (Windows); undefined where the environment names no such folder.
 */
export function cacheDir(): string | undefined {
  const xdg = Deno.env.get("XDG_CACHE_HOME");
  // The XDG specification has relative paths ignored.
  let base = xdg && /^([/\\]|[A-Za-z]:)/.test(xdg) ? xdg : undefined;
  if (base === undefined && Deno.build.os === "windows") {
    base = Deno.env.get("LOCALAPPDATA");
  } else if (base === undefined) {
    const home = Deno.env.get("HOME");
    const caches = Deno.build.os === "darwin" ? "Library/Caches" : ".cache";
    base = home ? `${home}/${caches}` : undefined;
  }
  return base ? `${base}/alexnet` : undefined;
}
