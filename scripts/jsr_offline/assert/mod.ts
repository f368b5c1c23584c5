/** Offline stand-in for the part of `jsr:@std/assert@1` that this repository uses. */

export { AssertionError } from "./assertion_error.ts";
export * from "./compare.ts";
export * from "./errors.ts";
export * from "./values.ts";
