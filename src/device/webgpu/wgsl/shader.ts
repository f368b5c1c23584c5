/**
 * What a shader is.
 *
 * @module
 */

/** A compute shader and how many workgroups to run. */
export interface Shader {
  /** WGSL, in which operands and results may still be lines that `completeShader` replaces. */
  readonly code: string;
  readonly workgroups: readonly [x: number, y: number, z: number];
}
