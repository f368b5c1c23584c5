/** Offline stand-in for the part of `jsr:@std/cli@1` that this repository uses. */

export * from "./parse_args.ts";
