/** Finds out which operations run, and has them computed in ways of given names. */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import {
  chooseWays,
  chosenWays,
  type Trace,
  traceOperations,
} from "../../../src/device/webgpu/run/ways.ts";

/** An operation that ran, and the names of the ways that fit it, the usual first. */
export interface Ran {
  readonly key: string;
  readonly ways: readonly string[];
  readonly trace: Trace;
}

/** Finds the operations with several ways that some work runs. */
export function operationsIn(work: () => void): Ran[] {
  const listed = (parts: Trace["parts"]): Ran[] =>
    parts.flatMap((part) => {
      if ("code" in part) return [];
      const ways = part.ways.filter(({ fits }) => fits === true)
        .map(({ name }) => name);
      return [{ key: part.key, ways, trace: part }, ...listed(part.parts)];
    });
  return listed(traceOperations(work)).filter(({ ways }) => ways.length > 1);
}

/** Has the operations of some work computed in the first of these ways that each has, from then on. */
export function chooseNamed(
  backend: WebGPUBackend,
  names: readonly string[],
  work: () => void,
): number {
  const chosen = new Map<string, string>();
  for (const { key, ways } of operationsIn(work)) {
    const name = names.find((name) => ways.includes(name));
    if (name !== undefined) chosen.set(key, name);
  }
  chooseWays(backend, new Map([...chosenWays(backend), ...chosen]));
  return chosen.size;
}
