/**
 * Joins neighbouring layers that can be one operation.
 *
 * @module
 */

import type { Layer } from "./layer.ts";

/** A layer in its network. */
export interface Step {
  /** The layer. */
  readonly layer: Layer;
  /** Its place among the layers; of joined layers, that of the first. */
  readonly index: number;
  /** Its part of the network's weights. */
  readonly range: readonly [begin: number, end: number];
}

/**
 * Joins each layer with the next where it can be.
 *
 * @param steps The layers of a network, in order.
 * @returns The same or fewer steps that compute the same.
 */
export function fuseSteps(steps: readonly Step[]): Step[] {
  const joined: Step[] = [];
  for (const step of steps) {
    const last = joined.at(-1);
    const layer = last?.layer.fuseWith?.(step.layer);
    if (last === undefined || layer === undefined) joined.push(step);
    else joined[joined.length - 1] = { ...last, layer };
  }
  return joined;
}
