/**
 * Has the operations of a training step computed in given ways.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import {
  chooseWays,
  chosenWays,
  observeOperations,
} from "../../src/kernels/ways.ts";

/** Output, gradients of input and filter of AlexNet's convolutions but the first, and of the filter of that. */
const CONVOLUTIONS = 4 * 3 + 1;

/** Neither by tiles nor from the pooled places alone. */
export const PLAIN_WAYS = ["direct", "unpooled"];

/**
 * Chooses the ways of AlexNet's convolutions, and leaves those of other sizes as they are.
 *
 * @param backend The backend that computes them.
 * @param work Runs a training step.
 * @param names Names of ways: of each operation, the first that it has.
 */
export function chooseConvolutions(
  backend: WebGPUBackend,
  work: () => void,
  names: readonly string[],
): void {
  const chosen = new Map<string, string>();
  observeOperations(backend, work, ({ key, ways }) => {
    const way = names.find((name) => ways.includes(name));
    if (way !== undefined) chosen.set(key, way);
  });
  assertEquals(chosen.size, CONVOLUTIONS);
  chooseWays(backend, new Map([...chosenWays(backend), ...chosen]));
}
