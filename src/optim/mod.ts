/**
 * Optimizers.
 *
 * @module
 */

export * from "./optimizer.ts";
export * from "./loss_scale.ts";
export * from "./schedule.ts";
export * from "./sgd.ts";
