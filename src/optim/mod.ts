/**
 * Optimizers.
 *
 * @module
 */

export * from "./adam.ts";
export * from "./clip.ts";
export * from "./gradient_scale.ts";
export * from "./loss_scale.ts";
export * from "./optimizer.ts";
export * from "./schedule.ts";
export * from "./schedules.ts";
export * from "./sgd.ts";
