/**
 * The gradient of the filter of a convolution of few channels in WGSL: every lane goes through rows of the images and
 * keeps the sums of some rows of the filter, as `conv_rows_shader.ts` does for the convolution itself.
 *
 * @module
 */

import type { ConvSizes } from "./conv_view.ts";
import { declareOperand, declareResult, type Source } from "./operand.ts";
import {
  addProducts,
  elementOf,
  loadRow,
  type RowVectors,
  rowVectors,
  storeRow,
} from "./row_vectors.ts";
import type { Shader } from "./shader.ts";
import { range } from "./wgsl.ts";

/** How the work is cut. */
export interface FilterRowsPlan {
  /** Size of a subgroup. */
  readonly lanes: number;
  /** Rows of the filter that a lane computes; divides the filter's height. */
  readonly filterRows: number;
  /** Parts that the images' rows are cut into; each lane of each part writes its own sums. */
  readonly splits: number;
  /** Where to read from. */
  readonly source: Source;
}

/** Where the gradient of the convolution's output comes from, and whether its sum over all pixels is wanted too. */
export interface OutputGradient {
  /** Declares its bindings, from number 3. */
  readonly bindings: string;
  /** Loads what it takes for `row` (u32) of `image`, where `isRow`. */
  readonly load: string;
  /** Number `i` of the row, 0 where there is no such row. */
  readonly value: (i: number) => string;
  /** Number of the binding of the gradient of the bias, `[splits * lanes, outChannels]`, if it is wanted. */
  readonly biasBinding?: number;
}

/**
 * The gradient of the output as a tensor `dy`.
 *
 * @param s Sizes of the convolution.
 * @param source Where to read it from.
 * @returns The gradient.
 */
export function storedGradient(s: ConvSizes, source: Source): OutputGradient {
  const dy = rowVectors(s.outWidth * s.outChannels);
  return {
    bindings: declareOperand("dy", { binding: 3, width: dy.width, source }),
    load: `let first = select(0u, row * ${dy.count}u, isRow);
${loadRow("dy", dy, { operand: "dy", first: "first", inside: "isRow" })}`,
    value: (i) => elementOf("dy", dy, i),
  };
}

/**
 * Writes the gradient. The code is the same for every batch size, so that it is compiled once for all of them.
 *
 * @param s Sizes of the convolution.
 * @param plan How the work is cut.
 * @param gradient The gradient of the output.
 * @returns The shader. It binds the sums of each lane, `[splits * lanes, filterHeight, filterWidth, inChannels,
 * outChannels]`, `x` twice and what the gradient takes.
 */
export function filterRowShader(
  s: ConvSizes,
  plan: FilterRowsPlan,
  gradient: OutputGradient,
): Shader {
  const { lanes, filterRows, splits, source } = plan;
  const x = rowVectors(s.inWidth * s.inChannels);
  const sums = rowVectors(
    filterRows * s.filterWidth * s.inChannels * s.outChannels,
  );
  const { biasBinding } = gradient;
  const channels = biasBinding === undefined ? [] : range(s.outChannels);
  const code = `
${declareResult("output", { binding: 0, width: sums.width })}
${declareOperand("x", { binding: 1, width: x.width, source })}
// The same again, as only the length of a buffer can be asked for.
${declareOperand("allOfX", { binding: 2, width: x.width, source: "buffers" })}
${gradient.bindings}
${
    biasBinding === undefined
      ? ""
      : `@group(0) @binding(${biasBinding}) var<storage, read_write> biases: array<f32>;`
  }

@compute @workgroup_size(${lanes})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let part = group.y * ${lanes}u + lane;
  let rows = arrayLength(&allOfX) / ${s.inHeight * x.count}u * ${s.outHeight}u;
  let turns = (rows + ${splits * lanes - 1}u) / ${splits * lanes}u;
${range(sums.length).map((i) => `var c${i} = 0.0;`).join("\n")}
${channels.map((i) => `var bias${i} = 0.0;`).join("\n")}
  for (var turn = 0u; turn < turns; turn = turn + 1u) {
    let row = turn * ${splits * lanes}u + part;
    let isRow = row < rows;
    let image = row / ${s.outHeight}u;
    let y = i32(row % ${s.outHeight}u) * ${s.strideHeight} - ${s.padTop};
${gradient.load}
${
    range(s.outWidth * s.outChannels).map((i) =>
      `let b${i} = ${gradient.value(i)};`
    ).join("\n")
  }
${
    range(filterRows).map((tap) => _addRow(s, { x, tap, filterRows })).join(
      "\n",
    )
  }
${
    channels.map((channel) => {
      const column = range(s.outWidth).map((x) =>
        `b${x * s.outChannels + channel}`
      );
      return `bias${channel} = bias${channel} + ${column.join(" + ")};`;
    }).join("\n")
  }
  }
  let at = (part * ${s.filterHeight / filterRows}u + group.x) * ${sums.count}u;
${storeRow(sums, { result: "output", first: "at" }, (i) => `c${i}`)}
${
    channels.length === 0 ? "" : `if (group.x == 0u) {
${
      channels.map((i) =>
        `biases[part * ${s.outChannels}u + ${i}u] = bias${i};`
      ).join("\n")
    }
}`
  }
}
`;
  return {
    code,
    workgroups: [s.filterHeight / filterRows, splits, 1],
  };
}

/** Adds the products with the row of `x` under row `tap` of this lane's rows of the filter. */
function _addRow(
  s: ConvSizes,
  { x, tap, filterRows }: {
    x: RowVectors;
    tap: number;
    filterRows: number;
  },
): string {
  const sums = range(s.filterWidth).flatMap((column) =>
    range(s.inChannels).flatMap((from) =>
      range(s.outChannels).map((to) => {
        const products = range(s.outWidth).flatMap((outX) => {
          const inX = outX * s.strideWidth - s.padLeft + column;
          if (inX < 0 || inX >= s.inWidth) return [];
          return [
            [
              elementOf("a", x, inX * s.inChannels + from),
              `b${outX * s.outChannels + to}`,
            ] as const,
          ];
        });
        const weight = ((tap * s.filterWidth + column) * s.inChannels + from) *
            s.outChannels + to;
        return addProducts(`c${weight}`, products);
      })
    )
  );
  return `{
let inY = y + i32(group.x * ${filterRows}u + ${tap}u);
let inside = isRow & (u32(inY) < ${s.inHeight}u);
let first = select(0u, (image * ${s.inHeight}u + u32(inY)) * ${x.count}u, inside);
${loadRow("a", x, { operand: "x", first: "first", inside: "inside" })}
${sums.join("\n")}
}`;
}
