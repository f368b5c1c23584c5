/**
 * A step of stochastic gradient descent in place.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Tensor, tf, type Variable } from "../backend/tf.ts";
import { asFloats } from "./differentiable.ts";
import { dispatchInPlace, makeFilled, storedType } from "./dispatch.ts";
import { declareOperand, type Source } from "./operand.ts";
import { programOf } from "./program.ts";
import { gridOf, indexOf } from "./elementwise.ts";
import type { Shader } from "./shader.ts";
import { sourceOfPass, traitsOf } from "./tile.ts";

/** A weight, its gradient and, with momentum, its velocity: float32 of one shape, on the WebGPU backend. */
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
 */
export function sgdInPlace(
  parameters: readonly SgdTensors[],
  rates: SgdRates,
): void {
  const backend = tf.backend() as WebGPUBackend;
  const { learningRate, momentum, weightDecay } = rates;
  const numbers = Float32Array.of(learningRate, momentum, weightDecay);
  const ratesTensor = makeFilled(backend, numbers);
  for (const { weight, gradient: given, velocity } of parameters) {
    const gradient = asFloats(given);
    const written = [weight, ...velocity ? [velocity] : []];
    written.forEach((variable) => _makeSole(backend, variable));
    const { size } = weight;
    const hasVelocity = velocity !== undefined;
    const source = sourceOfPass(traitsOf(backend), size);
    const read: TensorInfo[] = [gradient, ratesTensor];
    if (source === "textures") read.push(...written);
    const program = programOf(
      backend,
      `sgd,${size},${hasVelocity},${source}`,
      () => _shader(size, hasVelocity, source),
    );
    dispatchInPlace(backend, program, { written, read });
    if (gradient !== given) gradient.dispose();
  }
  backend.disposeData(ratesTensor.dataId);
}

/** Moves a variable to float32 memory of its own, where it is not alone on such. */
function _makeSole(backend: WebGPUBackend, variable: Variable): void {
  const isSole = backend.refCount(variable.dataId) <= 1;
  if (isSole && storedType(backend, variable) === "float32") return;
  tf.tidy(() => variable.assign(tf.add(variable, 0)));
}

function _shader(size: number, hasVelocity: boolean, source: Source): Shader {
  const width = size % 4 === 0 ? 4 : 1;
  const type = width === 4 ? "vec4f" : "f32";
  const workgroups = gridOf(size / width);
  const written = hasVelocity ? ["weight", "velocity"] : ["weight"];
  const first = written.length;
  const isCopied = source === "textures";
  const old = (name: string) => isCopied ? `${name}OldRead(i)` : `${name}[i]`;
  return {
    code: `
@group(0) @binding(0) var<storage, read_write> weight: array<${type}>;
${
      hasVelocity
        ? `@group(0) @binding(1) var<storage, read_write> velocity: array<${type}>;`
        : ""
    }
${declareOperand("gradient", { binding: first, width, source })}
// Learning rate, momentum, weight decay.
${declareOperand("rates", { binding: first + 1, width: 1, source })}
${
      isCopied
        ? written.map((name, i) =>
          declareOperand(`${name}Old`, {
            binding: first + 2 + i,
            width,
            source,
          })
        ).join("\n")
        : ""
    }

${indexOf(size / width, workgroups)}
  let old = ${old("weight")};
  var change = gradientRead(i) + ratesRead(2u) * old;
  ${
      hasVelocity
        ? `change = ratesRead(1u) * ${old("velocity")} + change;
  velocity[i] = change;`
        : ""
    }
  weight[i] = old - ratesRead(0u) * change;
}
`,
    workgroups,
    textures: isCopied
      ? {
        [first]: width,
        [first + 1]: 1,
        ...Object.fromEntries(written.map((_, i) => [first + 2 + i, width])),
      }
      : undefined,
  };
}
