/**
 * Offline stand-in for the part of `jsr:@std/cli@1` that this repository uses.
 *
 * @module
 */

export * from "./parse_args.ts";
