/**
 * Average pooling and its gradient, as one differentiable operation on the WebGPU backend.
 *
 * @module
 */

import {
  poolInputShape,
  poolOutputShape,
  type PoolSizes,
} from "../../sizes.ts";
import { type Tensor4D, tf } from "../../tf.ts";
import {
  type Activated,
  type BiasGradient,
  biasGradient,
} from "../dense/fused_dense.ts";
import { asNumbers, asTensor, differentiable } from "../../tape.ts";
import { dispatch, makeOutput, programOf } from "../run/dispatch.ts";
import { declareOperand, declareResult } from "../wgsl/operand.ts";
import {
  coverShader,
  poolKey,
  poolTypes,
  poolWidth,
  windowShader,
} from "./pool_shader.ts";
import { storedType } from "../run/recorder.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

/** Mean of each window, over its elements inside the image. */
export function averagePool(
  backend: WebGPUBackend,
  x: TensorInfo,
  sizes: PoolSizes,
): TensorInfo {
  const { float } = poolTypes(sizes);
  const width = poolWidth(sizes);
  const output = makeOutput(
    backend,
    poolOutputShape(sizes),
    storedType(backend, x),
  );
  const program = programOf(
    backend,
    poolKey("average pool", sizes),
    () =>
      windowShader(sizes, {
        bindings: `
${declareResult("output", { binding: 0, width })}
${declareOperand("x", { binding: 1, width, source: "buffers" })}`,
        before: `var sum = ${float}();`,
        each: "sum = sum + xRead(at);",
        after: "outputWrite(i, sum / f32(count));",
      }),
  );
  dispatch(backend, program, [output, x]);
  return output;
}

/** Gradient of average pooling: each window spreads its gradient evenly over its elements inside the image. */
export function averagePoolGradient(
  backend: WebGPUBackend,
  dy: TensorInfo,
  sizes: PoolSizes,
): TensorInfo {
  const s = sizes;
  const { float } = poolTypes(s);
  const width = poolWidth(s);
  const dx = makeOutput(backend, poolInputShape(s), storedType(backend, dy));
  const extent = (first: string, window: number, end: number) =>
    `(min(${first} + ${window}, ${end}) - max(${first}, 0))`;
  const program = programOf(
    backend,
    poolKey("average pool gradient", s),
    () =>
      coverShader(s, {
        bindings: `
${declareResult("output", { binding: 0, width })}
${declareOperand("dy", { binding: 1, width, source: "buffers" })}`,
        before: `var sum = ${float}();`,
        each: `let top = y * ${s.strideHeight} - ${s.padTop};
      let left = x * ${s.strideWidth} - ${s.padLeft};
      let count = ${extent("top", s.windowHeight, s.inHeight)}
        * ${extent("left", s.windowWidth, s.inWidth)};
      sum = sum + dyRead(at) / f32(count);`,
        after: "outputWrite(i, sum);",
      }),
  );
  dispatch(backend, program, [dx, dy]);
  return dx;
}

/**
 * Gradient of average pooling, of the activation before it and of the bias before that, where it can be in one pass.
 */
export function averagePoolBiasGradient(
  backend: WebGPUBackend,
  { dy, after }: { dy: TensorInfo; after?: Activated },
  s: PoolSizes,
): BiasGradient {
  const dx = averagePoolGradient(backend, dy, s);
  const rows = s.batch * s.inHeight * s.inWidth;
  const size = { rows, columns: s.channels };
  const gradients = biasGradient(backend, { dy: dx, after }, size);
  if (gradients.dz !== dx) backend.disposeData(dx.dataId);
  return gradients;
}

/** Average pooling of a tensor on the WebGPU backend, differentiable. */
export function differentiableAveragePool(
  x: Tensor4D,
  sizes: PoolSizes,
): Tensor4D {
  const backend = tf.backend() as WebGPUBackend;
  const input = asNumbers(x);
  return differentiable(
    [input],
    () => asTensor(averagePool(backend, input, sizes)),
    (dy) => [asTensor(averagePoolGradient(backend, dy, sizes))],
  ) as Tensor4D;
}
