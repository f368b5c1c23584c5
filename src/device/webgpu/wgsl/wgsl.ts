/** Snippets of WGSL that shaders of several folders share. */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { FusedActivation } from "../../device.ts";
import type { StoredType } from "../run/recorder.ts";

/** Most workgroups in one direction, by WebGPU's default limits. */
export const MAX_GROUPS = 65_535;

/** Counts from 0, to write a line of WGSL several times. */
export function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

/** A compute shader and how many workgroups to run. */
export interface Shader {
  /** WGSL, in which operands and results may still be lines that `completeShader` replaces. */
  readonly code: string;
  readonly workgroups: readonly [x: number, y: number, z: number];
}

/** Invocations of a workgroup. */
const WORKGROUP_SIZE = 64;

/** Spreads invocations over workgroups. */
export function gridOf(count: number): Shader["workgroups"] {
  const groups = Math.ceil(count / WORKGROUP_SIZE);
  const x = Math.min(groups, MAX_GROUPS);
  return [x, Math.ceil(groups / x), 1];
}

/** Writes the head of the entry point, which declares `i`, the index of the invocation, and returns beyond the last. */
export function indexOf(count: number, grid: Shader["workgroups"]): string {
  return `@compute @workgroup_size(${WORKGROUP_SIZE})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * ${grid[0] * WORKGROUP_SIZE}u + id.x;
  if (i >= ${count}u) {
    return;
  }`;
}

/** Writes the gradient of an activation. */
export function activationGradientOf(
  activation: FusedActivation,
  { dy, y, type }: { dy: string; y: string; type: "f32" | "vec4f" },
): string {
  return activation === "relu"
    ? `select(${type}(), ${dy}, ${y} > ${type}())`
    : `${dy} * ${y} * (${type}(1.0) - ${y})`;
}

/** What follows the sum of a product. */
export interface Epilogue {
  /** Whether a bias, bound as float32 `biases`, is added first. */
  readonly hasBias?: boolean;
  readonly activation?: FusedActivation;
}

/** What follows the sum of a convolution, and how its output is stored. */
export interface ConvEpilogue {
  /** float32 `[outChannels]`. */
  readonly bias?: TensorInfo;
  /** Applied to the biased sums. */
  readonly activation?: FusedActivation;
  /** What the output stores. Default float32. */
  readonly stored?: StoredType;
}

/** Writes the binding of the bias and the function `finish(sum, bias)`, which gives the output and ignores a bias that is not bound. */
export function finishFunction(
  { hasBias, activation }: Epilogue,
  { binding, type }: { binding: number; type: "f32" | "vec4f" },
): string {
  const declaration = hasBias
    ? `@group(0) @binding(${binding}) var<storage, read> biases: array<f32>;\n`
    : "";
  return `${declaration}
fn finish(sum: ${type}, bias: ${type}) -> ${type} {
  let v = sum${hasBias ? " + bias" : ""};
  return ${activationOf(activation, { v: "v", type })};
}`;
}

/** Writes an activation. */
function activationOf(
  activation: FusedActivation | undefined,
  { v, type }: { v: string; type: "f32" | "vec4f" },
): string {
  switch (activation) {
    case "relu":
      // Unlike max, lets NaN through.
      return `select(${v}, ${type}(), ${v} < ${type}())`;
    case "sigmoid":
      return `${type}(1.0) / (${type}(1.0) + exp(-${v}))`;
    case undefined:
      return v;
  }
}
