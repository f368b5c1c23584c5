/**
 * The scale of a loss, kept on the device: small gradients are multiplied by it, so that float16 can hold them.
 *
 * @module
 */

import { MAX_SCALE, SCALE_STATE, type ScaleRules } from "../../device.ts";
import { dispatchInPlace, programOf } from "../run/dispatch.ts";
import { gridOf, indexOf } from "../wgsl/wgsl.ts";
import { declareOperand } from "../wgsl/operand.ts";
import { sourceOfPass, traitsOf } from "../run/ways.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

/**
 * Looks for gradients that are not finite, works out what this step's are to be multiplied by, and changes the scale:
 * halves it, to no less than 1, if there are any, or doubles it, to no more than {@linkcode MAX_SCALE}, after so many steps
 * without.
 */
export function updateScale(
  backend: WebGPUBackend,
  { gradients, state, isFound }: {
    gradients: readonly TensorInfo[];
    state: TensorInfo;
    isFound: TensorInfo;
  },
  { growthInterval }: ScaleRules,
): void {
  for (const gradient of gradients) find(backend, gradient, isFound);
  const program = programOf(backend, `loss scale,${growthInterval}`, () => ({
    code: `
@group(0) @binding(0) var<storage, read_write> state: array<f32, 4>;
@group(0) @binding(1) var<storage, read_write> isFound: array<u32, 1>;

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
  isFound[0] = 0u;
}
`,
    workgroups: [1, 1, 1],
  }));
  dispatchInPlace(backend, program, { written: [state, isFound], read: [] });
}

/** Sets `isFound` where a gradient is not finite. */
function find(
  backend: WebGPUBackend,
  gradient: TensorInfo,
  isFound: TensorInfo,
): void {
  const size = gradient.shape.reduce((product, n) => product * n, 1);
  const source = sourceOfPass(traitsOf(backend), size);
  const program = programOf(backend, `not finite,${size},${source}`, () => {
    const width = size % 4 === 0 ? 4 : 1;
    const type = width === 4 ? "vec4u" : "u32";
    const count = size / width;
    const workgroups = gridOf(count);
    return {
      code: `
@group(0) @binding(0) var<storage, read_write> isFound: array<atomic<u32>, 1>;
${declareOperand("gradient", { binding: 1, width, source })}

${indexOf(count, workgroups)}
  // By its bits, as compilers may take all numbers for finite.
  let exponent = bitcast<${type}>(gradientRead(i)) & ${type}(0x7f800000u);
  if (any(exponent == ${type}(0x7f800000u))) {
    atomicStore(&isFound[0], 1u);
  }
}
`,
      workgroups,
    };
  });
  dispatchInPlace(backend, program, { written: [isFound], read: [gradient] });
}
