/**
 * The matrix product that everything heavy is made of: WGSL from a plan.
 *
 * `output[row, column] = sum over k of left(row, k) * right(k, column)`, with both operands read through views.
 *
 * Two forms. "registers": each invocation keeps a large tile of sums in registers and reads its operands straight from
 * textures, for software adapters, where workgroup memory is no faster. The lanes of a subgroup share the left operand: each
 * loads a part and broadcasts it, so that no value is loaded twice.
 * "staged": workgroups copy tiles of both operands to workgroup memory first, with coalesced reads, for GPUs.
 *
 * @module
 */

import { registerForm } from "./gemm_registers.ts";
import { stagedForm } from "./gemm_staged.ts";
import type { GemmPlan } from "./gemm_store.ts";
import type { Shader } from "../wgsl/wgsl.ts";

/** Writes the shader of a plan. */
export function gemm(plan: GemmPlan): Shader {
  return plan.tile.form === "registers"
    ? registerForm(plan, plan.tile)
    : stagedForm(plan, plan.tile);
}
