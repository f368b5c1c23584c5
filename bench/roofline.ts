/** Measures what an adapter can do at best: multiply-adds in registers, copies of memory, and products of matrices. */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { tf } from "../src/device/tf.ts";
import {
  dispatch,
  makeOutput,
  programOf,
} from "../src/device/webgpu/run/dispatch.ts";
import { gridOf, indexOf } from "../src/device/webgpu/wgsl/wgsl.ts";
import { matmul } from "../src/device/webgpu/gemm/product.ts";
import { measure } from "./measure.ts";

/** The best rates of an adapter. */
export interface Roofline {
  /** GFLOP/s of multiply-adds in registers. */
  readonly fma: number;
  /** GB/s of a copy, read and written bytes counted. */
  readonly copy: number;
  /** GFLOP/s of the fastest product of matrices. */
  readonly product: number;
}

/** Measures the best rates of an adapter. */
export async function measureRoofline(
  backend: WebGPUBackend,
): Promise<Roofline> {
  const rates: number[] = [];
  for (const { run, gflop } of [fma(backend), ...squareProducts(backend)]) {
    rates.push(gflop / await measure(run) * 1000);
  }
  const { run, gigabytes } = copy(backend);
  return {
    fma: rates[0],
    copy: gigabytes / await measure(run) * 1000,
    product: Math.max(...rates.slice(1)),
  };
}

/** Formats the best rates. */
export function formatRoofline({ product, fma, copy }: Roofline): string {
  return `best product ${product.toFixed(1)} GFLOP/s, multiply-adds ${
    fma.toFixed(1)
  } GFLOP/s, copy ${copy.toFixed(2)} GB/s`;
}

/** Eight independent chains of vec4 multiply-adds per invocation. */
function fma(backend: WebGPUBackend) {
  // Enough to fill a large GPU; a software adapter is full with fewer.
  const { isFallbackAdapter } = backend.device.adapterInfo;
  const invocations = isFallbackAdapter ? 2 ** 14 : 2 ** 20;
  const turns = 1000;
  const chains = [0, 1, 2, 3, 4, 5, 6, 7];
  const grid = gridOf(invocations);
  const code = `
@group(0) @binding(0) var<storage, read_write> output: array<vec4f>;

${indexOf(invocations, grid)}
  let factor = vec4f(1.0 + f32(i) * 1e-9);
${
    chains.map((c) =>
      `  var c${c} = vec4f(f32(i + ${c}u)) + vec4f(0.0, 1.0, 2.0, 3.0);`
    ).join("\n")
  }
  for (var turn = 0u; turn < ${turns}u; turn = turn + 1u) {
${chains.map((c) => `    c${c} = fma(c${c}, factor, factor);`).join("\n")}
  }
  output[i] = ${chains.map((c) => `c${c}`).join(" + ")};
}
`;
  return {
    gflop: invocations * turns * chains.length * 4 * 2 / 1e9,
    run() {
      const program = programOf(
        backend,
        "bench fma",
        () => ({ code, workgroups: grid }),
      );
      const output = makeOutput(backend, [invocations, 4]);
      dispatch(backend, program, [output]);
      backend.disposeData(output.dataId);
    },
  };
}

/** Copies 64 MiB. */
function copy(backend: WebGPUBackend) {
  const count = 2 ** 22;
  const grid = gridOf(count);
  const source = tf.ones([count, 4]);
  const code = `
@group(0) @binding(0) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(1) var<storage, read> input: array<vec4f>;

${indexOf(count, grid)}
  output[i] = input[i];
}
`;
  return {
    gigabytes: 2 * count * 16 / 1e9,
    run() {
      const program = programOf(
        backend,
        "bench copy",
        () => ({ code, workgroups: grid }),
      );
      const output = makeOutput(backend, [count, 4]);
      dispatch(backend, program, [output, source]);
      backend.disposeData(output.dataId);
    },
  };
}

/** Square products of matrices of several sizes, of which the fastest counts. */
export function squareProducts(
  backend: WebGPUBackend,
): { run: () => void; gflop: number }[] {
  return [512, 1024, 2048].map((side) => {
    const [a, b] = [0, 1].map((seed) =>
      tf.randomUniform([side, side], -1, 1, "float32", seed)
    );
    const sizes = { rows: side, columns: side, depth: side };
    const single = { batch: 1, batchA: 1, batchB: 1 };
    const plain = { transposeA: false, transposeB: false };
    return {
      gflop: 2 * side ** 3 / 1e9,
      run() {
        const tensors = { a, b, outputShape: [side, side] };
        const all = { ...sizes, ...single, ...plain };
        backend.disposeData(matmul(backend, tensors, all).dataId);
      },
    };
  });
}
