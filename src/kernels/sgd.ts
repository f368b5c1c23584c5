/**
 * A step of stochastic gradient descent in place.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Tensor, tf, type Variable } from "../backend/tf.ts";
import { asNumbers } from "./differentiable.ts";
import { dispatchInPlace, makeFilled } from "./dispatch.ts";
import { storedType } from "./recorder.ts";
import { SCALE_STATE } from "./loss_scale.ts";
import { declareOperand, type Source } from "./operand.ts";
import { programOf } from "./program.ts";
import { gridOf, indexOf } from "./elementwise.ts";
import type { Shader } from "./shader.ts";
import { sourceOfPass, traitsOf } from "./traits.ts";

/** Storage buffers that every adapter can bind to a shader. */
const MAX_STORAGE_BUFFERS = 8;

/** A weight, its gradient, which may store float16, and, with momentum, its velocity: of one shape, on the WebGPU backend. */
export interface SgdTensors {
  readonly weight: Variable;
  readonly gradient: Tensor;
  readonly velocity?: Variable;
}

/** The numbers of a step. */
export interface SgdRates {
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
}

/**
 * Computes `g = gradient + weightDecay * weight`, `velocity = momentum * velocity + g`, `weight -= learningRate *
 * velocity` (without a velocity: `g`) for each weight, where it is. A weight or velocity whose memory another tensor
 * shares, as a clone does, is moved to new memory first.
 *
 * @param parameters The weights of a network.
 * @param rates The numbers of the step.
 * @param scaleState State of the scale that the gradients are still multiplied by, as `updateScale` left it: they are
 * divided by it, and in a step whose gradients are not finite nothing changes.
 */
export function sgdInPlace(
  parameters: readonly SgdTensors[],
  rates: SgdRates,
  scaleState?: TensorInfo,
): void {
  const backend = tf.backend() as WebGPUBackend;
  const { learningRate, momentum, weightDecay } = rates;
  const numbers = Float32Array.of(learningRate, momentum, weightDecay);
  const ratesTensor = makeFilled(backend, numbers);
  const steps = scaleState === undefined
    ? [ratesTensor]
    : [ratesTensor, scaleState];
  for (const group of _groupsOf(backend, parameters, steps.length)) {
    const { members, source } = group;
    const gradients = members.map(({ gradient }) => asNumbers(gradient));
    const written = members.flatMap(({ weight, velocity }) =>
      velocity === undefined ? [weight] : [weight, velocity]
    );
    written.forEach((variable) => _makeSole(backend, variable));
    const read: TensorInfo[] = [...steps, ...gradients];
    if (source === "textures") read.push(...written);
    const sizes = members.map(({ weight }) => weight.size);
    const hasVelocity = members[0].velocity !== undefined;
    const program = programOf(
      backend,
      `sgd,${sizes},${hasVelocity},${steps.length},${source}`,
      () =>
        _shader(sizes, {
          hasVelocity,
          isScaled: scaleState !== undefined,
          source,
        }),
    );
    dispatchInPlace(backend, program, { written, read });
    gradients.forEach((gradient, i) => {
      if (gradient !== members[i].gradient) gradient.dispose();
    });
  }
  backend.disposeData(ratesTensor.dataId);
}

/** Parameters that one dispatch is for. */
interface _Group {
  readonly members: SgdTensors[];
  readonly source: Source;
}

/** Groups parameters, as many as a shader may bind beside others; one that is read from textures is alone. */
function _groupsOf(
  backend: WebGPUBackend,
  parameters: readonly SgdTensors[],
  others: number,
): _Group[] {
  const traits = traitsOf(backend);
  const groups: _Group[] = [];
  let last: _Group | undefined;
  for (const parameter of parameters) {
    const source = sourceOfPass(traits, parameter.weight.size);
    const hasVelocity = parameter.velocity !== undefined;
    const most = Math.floor(
      (MAX_STORAGE_BUFFERS - others) / (hasVelocity ? 3 : 2),
    );
    if (source === "textures") {
      groups.push({ members: [parameter], source });
    } else if (
      last === undefined || last.members.length === most ||
      (last.members[0].velocity !== undefined) !== hasVelocity
    ) {
      groups.push(last = { members: [parameter], source });
    } else {
      last.members.push(parameter);
    }
  }
  return groups;
}

/** Moves a variable to float32 memory of its own, where it is not alone on such. */
function _makeSole(backend: WebGPUBackend, variable: Variable): void {
  const isSole = backend.refCount(variable.dataId) <= 1;
  if (isSole && storedType(backend, variable) === "float32") return;
  tf.tidy(() => variable.assign(tf.add(variable, 0)));
}

/** One invocation per number or vector of all parameters, one parameter after the other. */
function _shader(
  sizes: readonly number[],
  { hasVelocity, isScaled, source }: {
    hasVelocity: boolean;
    isScaled: boolean;
    source: Source;
  },
): Shader {
  const widths = sizes.map((size) => size % 4 === 0 ? 4 : 1);
  const counts = sizes.map((size, k) => size / widths[k]);
  const written = hasVelocity ? ["weight", "velocity"] : ["weight"];
  const rates = sizes.length * written.length;
  const gradients = rates + (isScaled ? 2 : 1);
  const old = gradients + sizes.length;
  const factor = isScaled ? `scale[${SCALE_STATE.factor}] * ` : "";
  const code = sizes.map((_, k) => {
    const width = widths[k];
    const type = width === 4 ? "vec4f" : "f32";
    const first = k * written.length;
    const names = written.map((name) => `${name}${k}`);
    const isCopied = source === "textures";
    const binding = gradients + k;
    const declarations = [
      ...names.map((name, j) =>
        `@group(0) @binding(${
          first + j
        }) var<storage, read_write> ${name}: array<${type}>;`
      ),
      declareOperand(`gradient${k}`, { binding, width, source }),
      ...isCopied
        ? names.map((name, j) =>
          declareOperand(`${name}Old`, { binding: old + j, width, source })
        )
        : [],
    ];
    const [weight, velocity] = names.map((name) =>
      isCopied ? `${name}OldRead(i)` : `${name}[i]`
    );
    return `${declarations.join("\n")}

fn update${k}(i: u32) {
  let old = ${weight};
  var change = ${factor}gradient${k}Read(i) + rates[2] * old;${
      hasVelocity
        ? `
  change = rates[1] * ${velocity} + change;
  velocity${k}[i] = change;`
        : ""
    }
  weight${k}[i] = old - rates[0] * change;
}
`;
  });
  const ends = counts.map((_, k) =>
    counts.slice(0, k + 1).reduce((sum, count) => sum + count, 0)
  );
  const total = ends.at(-1)!;
  const workgroups = gridOf(total);
  const calls = ends.map((end, k) =>
    `if (i < ${end}u) {
    update${k}(i - ${end - counts[k]}u);
  }`
  );
  return {
    code: `
// Learning rate, momentum, weight decay.
@group(0) @binding(${rates}) var<storage, read> rates: array<f32>;
${
      isScaled
        ? `@group(0) @binding(${
          rates + 1
        }) var<storage, read> scale: array<f32, 4>;`
        : ""
    }
${code.join("\n")}
${indexOf(total, workgroups)}
${
      isScaled
        ? `  if (scale[${SCALE_STATE.factor}] == 0.0) {
    return;
  }`
        : ""
    }
  ${calls.join(" else ")}
}
`,
    workgroups,
  };
}
