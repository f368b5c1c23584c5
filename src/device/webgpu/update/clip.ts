/**
 * The norm of all gradients, and the factor that brings it down to a limit, found on the device.
 *
 * @module
 */

import { CLIP_EPSILON, CLIP_STATE, SCALE_STATE } from "../../device.ts";
import {
  dispatch,
  dispatchInPlace,
  makeOutput,
  type Program,
  programOf,
} from "../run/dispatch.ts";
import { declareOperand } from "../wgsl/operand.ts";
import { sourceOfPass, traitsOf } from "../run/ways.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

/** Invocations of a workgroup. */
const WORKGROUP_SIZE = 64;

/** Numbers or vectors that one invocation adds up: of the largest tensor that can be bound, a workgroup each fits in a grid. */
const PER_INVOCATION = 64;

/**
 * Finds the norm of all gradients as one vector, `sqrt(sum of squares)`, and `factor * min(1, maxNorm / (norm + 1e-6))`, which
 * is 0 in a step whose gradients are not finite. Sums are added up in the same order every time.
 */
export function clipNorm(
  backend: WebGPUBackend,
  { gradients, state, scale }: {
    gradients: readonly TensorInfo[];
    state: TensorInfo;
    scale?: TensorInfo;
  },
  maxNorm: number,
): void {
  const passes: { program: Program; gradient: TensorInfo }[] = [];
  let count = 0;
  for (const gradient of gradients) {
    const size = gradient.shape.reduce((product, n) => product * n, 1);
    const { program, groups } = squaresShader(backend, size, count);
    passes.push({ program, gradient });
    count += groups;
  }
  const partial = makeOutput(backend, [count]);
  for (const { program, gradient } of passes) {
    dispatch(backend, program, [partial, gradient]);
  }
  const isScaled = scale !== undefined;
  const finish = programOf(
    backend,
    `clip norm,${count},${maxNorm},${isScaled}`,
    () => finishShader(count, { maxNorm, isScaled }),
  );
  const read = isScaled ? [partial, scale] : [partial];
  dispatchInPlace(backend, finish, { written: [state], read });
  backend.disposeData(partial.dataId);
}

/** Adds up the squares of a tensor, by a workgroup for each part of it, from a place in the partial sums on. */
function squaresShader(
  backend: WebGPUBackend,
  size: number,
  first: number,
): { program: Program; groups: number } {
  const width = size % 4 === 0 ? 4 : 1;
  const count = size / width;
  const perGroup = WORKGROUP_SIZE * PER_INVOCATION;
  const groups = Math.ceil(count / perGroup);
  const source = sourceOfPass(traitsOf(backend), size);
  const key = `squares,${size},${first},${source}`;
  const program = programOf(backend, key, () => ({
    code: `
@group(0) @binding(0) var<storage, read_write> partial: array<f32>;
${declareOperand("gradient", { binding: 1, width, source })}
${WORKGROUP_SUM}

${MAIN}
  let begin = group.x * ${perGroup}u;
  let end = min(begin + ${perGroup}u, ${count}u);
  var sum = ${width === 4 ? "vec4f()" : "0.0"};
  for (var k = begin + i; k < end; k = k + ${WORKGROUP_SIZE}u) {
    let value = gradientRead(k);
    sum = sum + value * value;
  }
  addUp(i, ${width === 4 ? "(sum.x + sum.y) + (sum.z + sum.w)" : "sum"});
  if (i == 0u) {
    partial[${first}u + group.x] = sums[0];
  }
}
`,
    workgroups: [groups, 1, 1],
  }));
  return { program, groups };
}

/** One workgroup. */
function finishShader(
  count: number,
  { maxNorm, isScaled }: { maxNorm: number; isScaled: boolean },
) {
  const code = `
@group(0) @binding(0) var<storage, read_write> state: array<f32, 4>;
@group(0) @binding(1) var<storage, read> partial: array<f32>;
${
    isScaled
      ? "@group(0) @binding(2) var<storage, read> scale: array<f32, 4>;"
      : ""
  }
${WORKGROUP_SUM}

${MAIN}
  var sum = 0.0;
  for (var k = i; k < ${count}u; k = k + ${WORKGROUP_SIZE}u) {
    sum = sum + partial[k];
  }
  addUp(i, sum);
  if (i > 0u) {
    return;
  }
  let factor = ${isScaled ? `scale[${SCALE_STATE.factor}]` : "1.0"};
  let norm = factor * sqrt(sums[0]);
  let clipped = factor * min(f32(${maxNorm}) / (norm + ${CLIP_EPSILON}), 1.0);
  // By its bits, as compilers may take all numbers for finite.
  let isFinite = (bitcast<u32>(sums[0]) & 0x7f800000u) != 0x7f800000u;
  state[${CLIP_STATE.norm}] = norm;
  state[${CLIP_STATE.factor}] = select(0.0, clipped, isFinite);
}
`;
  return { code, workgroups: [1, 1, 1] as const };
}

/** Adds up a number of each invocation of a workgroup; the first then has the sum. */
const WORKGROUP_SUM = `
var<workgroup> sums: array<f32, ${WORKGROUP_SIZE}>;

fn addUp(i: u32, value: f32) {
  sums[i] = value;
  for (var half = ${WORKGROUP_SIZE / 2}u; half > 0u; half = half / 2u) {
    workgroupBarrier();
    if (i < half) {
      sums[i] = sums[i] + sums[i + half];
    }
  }
}`;

const MAIN = `@compute @workgroup_size(${WORKGROUP_SIZE})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) i: u32,
) {`;
