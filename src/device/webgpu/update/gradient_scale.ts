/**
 * What gradients are multiplied by, found on the device: by the scale of the loss, which small gradients need to be held by
 * float16, and by the clipping of their norm.
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import {
  CLIP_EPSILON,
  CLIP_STATE,
  MAX_SCALE,
  SCALE_STATE,
} from "../../device.ts";
import { perOwner } from "../../memo.ts";
import {
  dispatch,
  dispatchInPlace,
  makeFilled,
  makeOutput,
  type Program,
  programOf,
} from "../run/dispatch.ts";
import { sourceOfPass, traitsOf } from "../run/ways.ts";
import { declareOperand } from "../wgsl/operand.ts";
import { gridOf, indexOf, type Shader } from "../wgsl/wgsl.ts";

/** Bits that are all 1 in what is not finite; compilers may take all numbers for finite, and leave out other checks. */
const EXPONENT = "0x7f800000u";

/** Looks for gradients that are not finite, and changes the scale of the loss. */
export function updateScale(
  backend: WebGPUBackend,
  { gradients, state }: {
    gradients: readonly TensorInfo[];
    state: TensorInfo;
  },
  growthInterval: number,
): void {
  const isFound = makeFilled(backend, Uint32Array.of(0));
  for (const gradient of gradients) {
    const { size, width, source } = layoutOf(backend, gradient);
    const key = `not finite,${size},${source}`;
    const program = programOf(backend, key, () => {
      const type = width === 4 ? "vec4u" : "u32";
      const count = size / width;
      const workgroups = gridOf(count);
      return {
        code: `
@group(0) @binding(0) var<storage, read_write> isFound: array<atomic<u32>, 1>;
${declareOperand("gradient", { binding: 1, width, source })}

${indexOf(count, workgroups)}
  let exponent = bitcast<${type}>(gradientRead(i)) & ${type}(${EXPONENT});
  if (any(exponent == ${type}(${EXPONENT}))) {
    atomicStore(&isFound[0], 1u);
  }
}
`,
        workgroups,
      };
    });
    dispatchInPlace(backend, program, { written: [isFound], read: [gradient] });
  }
  const program = programOf(backend, `loss scale,${growthInterval}`, () => ({
    code: `
@group(0) @binding(0) var<storage, read_write> state: array<f32, 4>;
@group(0) @binding(1) var<storage, read> isFound: array<u32, 1>;

@compute @workgroup_size(1)
fn main() {
  let scale = state[${SCALE_STATE.scale}];
  if (isFound[0] != 0u) {
    state[${SCALE_STATE.scale}] = max(scale / 2.0, 1.0);
    state[${SCALE_STATE.steps}] = 0.0;
    state[${SCALE_STATE.factor}] = 0.0;
    state[${SCALE_STATE.skipped}] = state[${SCALE_STATE.skipped}] + 1.0;
  } else {
    let steps = state[${SCALE_STATE.steps}] + 1.0;
    let isDue = steps >= ${growthInterval}.0;
    state[${SCALE_STATE.scale}] = select(scale, min(scale * 2.0, ${MAX_SCALE}.0), isDue);
    state[${SCALE_STATE.steps}] = select(steps, 0.0, isDue);
    state[${SCALE_STATE.factor}] = 1.0 / scale;
  }
}
`,
    workgroups: [1, 1, 1],
  }));
  dispatchInPlace(backend, program, { written: [state], read: [isFound] });
  backend.disposeData(isFound.dataId);
}

/** Invocations of a workgroup. */
const WORKGROUP_SIZE = 64;

/** Numbers or vectors that one invocation adds up: of the largest tensor that can be bound, a workgroup each fits in a grid. */
const PER_INVOCATION = 64;

/** Finds the norm of all gradients and what clips them. Sums are added up in the same order every time. */
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
    const program = squaresProgram(backend, gradient, count);
    passes.push({ program, gradient });
    count += program.shader.workgroups[0];
  }
  const partial = makeOutput(backend, [count]);
  for (const { program, gradient } of passes) {
    dispatch(backend, program, [partial, gradient]);
  }
  const key = `clip norm,${count},${maxNorm}`;
  const finish = programOf(backend, key, () => finishShader(count, maxNorm));
  const read = [partial, scale ?? unitScale(backend)];
  dispatchInPlace(backend, finish, { written: [state], read });
  backend.disposeData(partial.dataId);
}

/** Adds up the squares of a tensor, by a workgroup for each part of it; `first` is the index of the first of their sums. */
function squaresProgram(
  backend: WebGPUBackend,
  gradient: TensorInfo,
  first: number,
): Program {
  const { size, width, source } = layoutOf(backend, gradient);
  const count = size / width;
  const perGroup = WORKGROUP_SIZE * PER_INVOCATION;
  return programOf(backend, `squares,${size},${first},${source}`, () => ({
    code: `
@group(0) @binding(0) var<storage, read_write> partial: array<f32>;
${declareOperand("gradient", { binding: 1, width, source })}
${SUM_AND_MAIN}
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
    workgroups: [Math.ceil(count / perGroup), 1, 1],
  }));
}

function finishShader(count: number, maxNorm: number): Shader {
  const code = `
@group(0) @binding(0) var<storage, read_write> state: array<f32, 4>;
@group(0) @binding(1) var<storage, read> partial: array<f32>;
${declareScale(2)}
${SUM_AND_MAIN}
  var sum = 0.0;
  for (var k = i; k < ${count}u; k = k + ${WORKGROUP_SIZE}u) {
    sum = sum + partial[k];
  }
  addUp(i, sum);
  if (i > 0u) {
    return;
  }
  let factor = ${FACTOR};
  let norm = factor * sqrt(sums[0]);
  let clipped = factor * min(f32(${maxNorm}) / (norm + ${CLIP_EPSILON}), 1.0);
  let isFinite = (bitcast<u32>(sums[0]) & ${EXPONENT}) != ${EXPONENT};
  state[${CLIP_STATE.norm}] = norm;
  state[${CLIP_STATE.factor}] = select(0.0, clipped, isFinite);
}
`;
  return { code, workgroups: [1, 1, 1] };
}

/** Has the factor 1, for gradients without one. */
export const unitScale = perOwner((backend: WebGPUBackend) =>
  makeFilled(backend, Float32Array.of(1, 0, 1, 0))
);

/** What gradients are multiplied by. */
export const FACTOR = `scale[${SCALE_STATE.factor}]`;

/** Declares what has the factor of gradients. */
export function declareScale(binding: number): string {
  return `@group(0) @binding(${binding}) var<storage, read> scale: array<f32, 4>;`;
}

/** How a gradient is read: in vectors where it can be. */
function layoutOf(backend: WebGPUBackend, { shape }: TensorInfo) {
  const size = shape.reduce((product, n) => product * n, 1);
  const width: 1 | 4 = size % 4 === 0 ? 4 : 1;
  return { size, width, source: sourceOfPass(traitsOf(backend), size) };
}

/** Adds up a number of each invocation of a workgroup, of which the first then has the sum; and the head of the entry point. */
const SUM_AND_MAIN = `
var<workgroup> sums: array<f32, ${WORKGROUP_SIZE}>;

fn addUp(i: u32, value: f32) {
  sums[i] = value;
  for (var half = ${WORKGROUP_SIZE / 2}u; half > 0u; half = half / 2u) {
    workgroupBarrier();
    if (i < half) {
      sums[i] = sums[i] + sums[i + half];
    }
  }
}

@compute @workgroup_size(${WORKGROUP_SIZE})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) i: u32,
) {`;
