/**
 * Well-known networks.
 *
 * @module
 */

export * from "./alexnet.ts";
export * from "./lenet.ts";
export * from "./named.ts";
