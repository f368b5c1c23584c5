/**
 * What a shader is.
 *
 * @module
 */

/** A compute shader and how many workgroups to run. */
export interface Shader {
  readonly code: string;
  readonly workgroups: readonly [x: number, y: number, z: number];
}
