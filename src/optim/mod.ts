/**
 * Optimizers.
 *
 * @module
 */

export * from "./optimizer.ts";
export * from "./sgd.ts";
