/**
 * A program for tests: listens for interrupts as `train` does, and then computes for ever, with no turn for anything else.
 *
 * @module
 */

import { listenForInterrupts } from "../../src/cli/interrupts.ts";

await listenForInterrupts();
console.error("begun");
// As good as a step without an end, and leaves the cores to others.
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
