/**
 * What shaders with one invocation per element have in common.
 *
 * @module
 */

import type { Shader } from "./shader.ts";
import { MAX_GROUPS } from "./wgsl.ts";

/** Invocations of a workgroup. */
const WORKGROUP_SIZE = 64;

/**
 * Spreads invocations over workgroups.
 *
 * @param count Number of invocations.
 * @returns How many workgroups to run.
 */
export function gridOf(count: number): Shader["workgroups"] {
  const groups = Math.ceil(count / WORKGROUP_SIZE);
  const x = Math.min(groups, MAX_GROUPS);
  return [x, Math.ceil(groups / x), 1];
}

/**
 * Writes the head of the entry point: declares `i`, the number of the invocation, and leaves those beyond the last.
 *
 * @param count Number of invocations.
 * @param grid How many workgroups run.
 * @returns WGSL, up to and with the first statements of the body.
 */
export function indexOf(count: number, grid: Shader["workgroups"]): string {
  return `@compute @workgroup_size(${WORKGROUP_SIZE})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * ${grid[0] * WORKGROUP_SIZE}u + id.x;
  if (i >= ${count}u) {
    return;
  }`;
}
