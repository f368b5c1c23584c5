/**
 * What a shader is.
 *
 * @module
 */

import type { Width } from "./operand.ts";

/** A compute shader and how many workgroups to run. */
export interface Shader {
  readonly code: string;
  readonly workgroups: readonly [x: number, y: number, z: number];
  /** Numbers per element of each binding that is a texture. */
  readonly textures?: Readonly<Record<number, Width>>;
}
