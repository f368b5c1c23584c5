/**
 * Devices: which there is, what it can do, and TensorFlow.js on it.
 *
 * @module
 */

export * from "./adapter.ts";
export * from "./backend.ts";
export * from "./tf.ts";
