/**
 * The gradient of a filter from that of the largest values alone, in WGSL: of all outputs under a max pooling's window, the
 * others have none.
 *
 * @module
 */

import type { ConvSizes, PoolSizes } from "../../sizes.ts";
import { declareOperand, type Source } from "../wgsl/operand.ts";
import type { Shader } from "../wgsl/shader.ts";
import { MAX_GROUPS, range } from "../wgsl/wgsl.ts";

/** Invocations of a workgroup, each with an output channel of its own. */
export const CHANNELS = 32;

/** Most vectors of sums of an invocation: with more, compilers keep them in memory. */
const MOST_SUMS = 64;

/**
 * Whether the gradient can be computed from the places of the largest values. Windows have to lie within the image, and
 * their rows have to begin where vectors do.
 *
 * @param s Sizes of the convolution.
 * @returns Whether {@linkcode sparseFilterShader} is for it.
 */
export function fitsSparse(s: ConvSizes): boolean {
  const { inChannels, strideWidth } = s;
  const fits = (size: number, count: number, stride: number, taps: number) =>
    (count - 1) * stride + taps <= size;
  return s.padTop === 0 && s.padLeft === 0 &&
    fits(s.inHeight, s.outHeight, s.strideHeight, s.filterHeight) &&
    fits(s.inWidth, s.outWidth, strideWidth, s.filterWidth) &&
    strideWidth * inChannels % 4 === 0 && s.inWidth * inChannels % 4 === 0 &&
    s.filterHeight * _vectorsOfRow(s) <= MOST_SUMS;
}

/**
 * Writes the shader: each invocation adds up a filter over a part of the pooled places. Bindings: output
 * `[splits, filterHeight, filterWidth, inChannels, outChannels]`, `x`, and gradient and place of the largest values.
 *
 * @param s Sizes of the convolution.
 * @param pool Sizes of the pooling.
 * @param options Parts of the sum, and where to read from.
 * @returns The shader.
 */
export function sparseFilterShader(
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
  const vectors = range(_vectorsOfRow(s));
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
function _vectorsOfRow({ filterWidth, inChannels }: ConvSizes): number {
  return Math.ceil(filterWidth * inChannels / 4);
}
