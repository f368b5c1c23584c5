/** The gradient of a filter whose output is max pooled, from the pooled places alone. */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { ConvSizes, PoolSizes } from "../../sizes.ts";
import { addSplits } from "../gemm/product.ts";
import { poolKey } from "../pool/pool.ts";
import { dispatch, makeOutput, programOf } from "../run/dispatch.ts";
import { traitsOf } from "../run/ways.ts";
import { declareOperand, type Source } from "../wgsl/operand.ts";
import { MAX_GROUPS, range, type Shader } from "../wgsl/wgsl.ts";

/** Most turns of a loop: llvmpipe before Mesa 25 stops after 65,535. */
const MOST_TURNS = 60_000;

/** Makes places that largest values might have: a random one of each window. */
export function randomPlaces(p: PoolSizes): Int32Array {
  const along = (start: number, window: number, size: number) =>
    Math.min(Math.max(start + Math.floor(Math.random() * window), 0), size - 1);
  const shape = [p.outHeight, p.outWidth, p.channels];
  const [height, width, channels] = shape;
  const image = height * width * channels;
  return Int32Array.from({ length: p.batch * image }, (_, i) => {
    const pixel = Math.floor(i % image / channels);
    const [row, column] = [Math.floor(pixel / width), pixel % width];
    const y = row * p.strideHeight - p.padTop;
    const x = column * p.strideWidth - p.padLeft;
    return along(y, p.windowHeight, p.inHeight) * p.inWidth +
      along(x, p.windowWidth, p.inWidth);
  });
}

/** Computes the gradient from the input, the gradient of the pooled values, and their places. */
export function sparseFilterGradient(
  backend: WebGPUBackend,
  tensors: readonly TensorInfo[],
  { conv, pool }: { conv: ConvSizes; pool: PoolSizes },
  key: string,
): TensorInfo {
  const { isSoftware, source, maxBindingBytes } = traitsOf(backend);
  const { filterHeight, filterWidth, inChannels, outChannels } = conv;
  const count = pool.batch * pool.outHeight * pool.outWidth;
  // Workgroups that keep an adapter busy.
  const busy = isSoftware ? 16 : 256;
  const filterBytes = 4 * filterHeight * filterWidth * inChannels * outChannels;
  const splits = Math.max(
    Math.min(
      Math.ceil(busy / Math.ceil(outChannels / CHANNELS)),
      Math.max(1, Math.floor(maxBindingBytes / filterBytes)),
      count,
    ),
    Math.ceil(count / MOST_TURNS),
  );
  const program = programOf(
    backend,
    `${poolKey(key, pool)} sparse,${splits},${source}`,
    () => sparseFilterShader(conv, pool, { splits, source }),
  );
  const shape = [filterHeight, filterWidth, inChannels, outChannels];
  const output = makeOutput(backend, splits === 1 ? shape : [splits, ...shape]);
  dispatch(backend, program, [output, ...tensors]);
  if (splits === 1) return output;
  const gradient = makeOutput(backend, shape);
  addSplits(backend, [gradient, output], {
    batch: 1,
    splits,
    rows: filterHeight * filterWidth * inChannels,
    columns: outChannels,
  });
  backend.disposeData(output.dataId);
  return gradient;
}

/** Invocations of a workgroup, each with an output channel of its own. */
const CHANNELS = 32;

/** Most vectors of sums of an invocation: with more, compilers keep them in memory. */
const MOST_SUMS = 64;

/** Whether the gradient can be computed from the places of the largest values or, in a few words, why not. */
export function fitsSparse(s: ConvSizes): true | string {
  const { inChannels, strideWidth } = s;
  const fits = (size: number, count: number, stride: number, taps: number) =>
    (count - 1) * stride + taps <= size;
  const isInside = s.padTop === 0 && s.padLeft === 0 &&
    fits(s.inHeight, s.outHeight, s.strideHeight, s.filterHeight) &&
    fits(s.inWidth, s.outWidth, strideWidth, s.filterWidth);
  if (!isInside) return "windows reach into padding";
  if (strideWidth * inChannels % 4 !== 0 || s.inWidth * inChannels % 4 !== 0) {
    return "windows do not begin at vectors of 4";
  }
  return s.filterHeight * vectorsOfRow(s) <= MOST_SUMS ||
    "filter too large for registers";
}

/**
 * Writes the shader: each invocation adds up a filter over a part of the pooled places. Bindings: output
 * `[splits, filterHeight, filterWidth, inChannels, outChannels]`, `x`, and gradient and place of the largest values.
 */
function sparseFilterShader(
  s: ConvSizes,
  pool: PoolSizes,
  { splits, source }: { splits: number; source: Source },
): Shader {
  const { inWidth, inChannels, outChannels } = s;
  const perImage = pool.outHeight * pool.outWidth;
  const count = pool.batch * perImage;
  const length = Math.ceil(count / splits);
  const across = Math.ceil(outChannels / CHANNELS);
  const groups = across * splits;
  const x = Math.min(groups, MAX_GROUPS);
  const row = inWidth * inChannels / 4;
  const vectors = range(vectorsOfRow(s));
  const rows = range(s.filterHeight);
  const taps = s.filterWidth * inChannels;
  const sums = rows.flatMap((y) => vectors.map((v) => ({ y, v })));
  const code = `
@group(0) @binding(0) var<storage, read_write> output: array<f32>;
${declareOperand("x", { binding: 1, width: 4, source })}
${declareOperand("dy", { binding: 2, width: 1, source })}
${declareOperand("places", { binding: 3, width: 1, source, type: "i32" })}

@compute @workgroup_size(${CHANNELS})
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(local_invocation_index) invocation: u32,
) {
  let group = id.y * ${x}u + id.x;
  let split = group / ${across}u;
  let channel = group % ${across}u * ${CHANNELS}u + invocation;
  if (channel >= ${outChannels}u || split >= ${splits}u) {
    return;
  }
${sums.map(({ y, v }) => `  var sum${y}_${v} = vec4f();`).join("\n")}
  let end = min((split + 1u) * ${length}u, ${count}u);
  for (var i = split * ${length}u; i < end; i = i + 1u) {
    let d = vec4f(dyRead(i * ${outChannels}u + channel));
    let place = u32(placesRead(i * ${outChannels}u + channel));
    let top = place / ${s.outWidth}u * ${s.strideHeight}u;
    let left = place % ${s.outWidth}u * ${s.strideWidth * inChannels / 4}u;
    let first = (i / ${perImage}u * ${s.inHeight}u + top) * ${row}u + left;
${
    sums.map(({ y, v }) =>
      `    sum${y}_${v} = fma(d, xRead(first + ${y * row + v}u), sum${y}_${v});`
    ).join("\n")
  }
  }
  let at = split * ${s.filterHeight * taps * outChannels}u + channel;
${
    sums.flatMap(({ y, v }) =>
      range(4).filter((j) => 4 * v + j < taps).map((j) =>
        `  output[at + ${
          (y * taps + 4 * v + j) * outChannels
        }u] = sum${y}_${v}[${j}];`
      )
    ).join("\n")
  }
}
`;
  return { code, workgroups: [x, Math.ceil(groups / x), 1] };
}

/** Vectors that cover a row of the filter. */
function vectorsOfRow({ filterWidth, inChannels }: ConvSizes): number {
  return Math.ceil(filterWidth * inChannels / 4);
}
