/**
 * Convolutions of few channels in WGSL: every lane computes a row, and what it loads of a row serves all taps.
 *
 * Written for software adapters, where loads are what costs. As a matrix product, a convolution of 6 channels loads each
 * number of its input once per tap; here it loads a row once for all taps of a row of the filter, and the lanes of a
 * subgroup share the filter. Columns are unrolled, so that padding and strides along a row cost nothing.
 *
 * @module
 */

import type { ConvSizes } from "./conv_view.ts";
import { type Epilogue, finishFunction } from "./epilogue.ts";
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

/** Height and width of images, and their channels. */
interface ImageSize {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** A convolution between images: forward from `x` to `y`, for the gradient from `dy` to `dx`. */
export interface RowConvolution {
  readonly batch: number;
  readonly from: ImageSize;
  readonly to: ImageSize;
  readonly filterHeight: number;
  readonly filterWidth: number;
  /** Row of `from` under row `tap` of the filter for row `y` of `to` and whether there is one, in WGSL; both are i32. */
  readonly rowAt: (
    y: string,
    tap: string,
  ) => { row: string; inside: string };
  /** Column of `from` under column `tap` of the filter for column `x` of `to`, if there is one. */
  readonly columnAt: (x: number, tap: number) => number | undefined;
  /** Place of a weight in a row of the filter. */
  readonly weightAt: (tap: number, from: number, to: number) => number;
}

/**
 * The forward pass.
 *
 * @param s Sizes of the convolution.
 * @returns The convolution from `x` to `y`.
 */
export function forwardRows(s: ConvSizes): RowConvolution {
  return {
    ...s,
    from: _input(s),
    to: _output(s),
    rowAt(y, tap) {
      const row = `(${y} * ${s.strideHeight} - ${s.padTop} + ${tap})`;
      return { row, inside: `u32(${row}) < ${s.inHeight}u` };
    },
    columnAt(x, tap) {
      const column = x * s.strideWidth - s.padLeft + tap;
      return column >= 0 && column < s.inWidth ? column : undefined;
    },
    weightAt: (tap, from, to) =>
      (tap * s.inChannels + from) * s.outChannels + to,
  };
}

/**
 * The gradient of the input.
 *
 * @param s Sizes of the convolution, in the words of its forward pass.
 * @returns The convolution from `dy` to `dx`.
 */
export function inputGradientRows(s: ConvSizes): RowConvolution {
  const { strideHeight: stride, outHeight } = s;
  return {
    ...s,
    from: _output(s),
    to: _input(s),
    rowAt(y, tap) {
      const at = `(${y} + ${s.padTop} - ${tap})`;
      return {
        row: `${at} / ${stride}`,
        inside: `(u32(${at}) < ${
          outHeight * stride
        }u) & (${at} % ${stride} == 0)`,
      };
    },
    columnAt(x, tap) {
      const column = (x + s.padLeft - tap) / s.strideWidth;
      return Number.isInteger(column) && column >= 0 && column < s.outWidth
        ? column
        : undefined;
    },
    weightAt: (tap, from, to) =>
      (tap * s.inChannels + to) * s.outChannels + from,
  };
}

/**
 * Writes a convolution. The code is the same for every batch size, so that it is compiled once for all of them.
 *
 * @param convolution The convolution.
 * @param traits Size of a subgroup, and where to read from.
 * @param epilogue What follows the sums.
 * @returns The shader. It binds what it writes, what it reads, the filter and the bias.
 */
export function rowShader(
  convolution: RowConvolution,
  { lanes, source: reads }: { lanes: number; source: Source },
  epilogue: Epilogue,
): Shader {
  const { batch, from, to, filterHeight, filterWidth } = convolution;
  const source = rowVectors(from.width * from.channels);
  const target = rowVectors(to.width * to.channels);
  const filter = rowVectors(filterWidth * from.channels * to.channels);
  const rows = batch * to.height;
  const { row, inside } = convolution.rowAt("y", "tap");
  const code = `
${declareResult("output", { binding: 0, width: target.width })}
${declareOperand("source", { binding: 1, width: source.width, source: reads })}
${declareOperand("filters", { binding: 2, width: filter.width, source: reads })}
${finishFunction(epilogue, { binding: 3, type: "f32" })}

@compute @workgroup_size(${lanes})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let index = group.x * ${lanes}u + lane;
  let isRow = index < arrayLength(&output) / ${target.count}u;
  let image = index / ${to.height}u;
  let y = i32(index % ${to.height}u);
${range(target.length).map((i) => `var c${i} = 0.0;`).join("\n")}
  for (var tap = 0; tap < ${filterHeight}; tap = tap + 1) {
    let inside = isRow & (${inside});
    let first = select(0u, (image * ${from.height}u + u32(${row})) * ${source.count}u, inside);
${loadRow("a", source, { operand: "source", first: "first", inside: "inside" })}
${_shareFilterRow(filter, { lanes, filterHeight })}
${_sums(convolution, source)}
  }
  if (!isRow) {
    return;
  }
${
    epilogue.hasBias
      ? range(to.channels).map((i) => `let bias${i} = biases[${i}u];`)
        .join("\n")
      : ""
  }
  let at = index * ${target.count}u;
${
    storeRow(target, { result: "output", first: "at" }, (i) =>
      `finish(c${i}, ${epilogue.hasBias ? `bias${i % to.channels}` : "0.0"})`)
  }
}
`;
  return {
    code,
    workgroups: [Math.ceil(rows / lanes), 1, 1],
  };
}

/** Declares `w${i}`, the weights of row `tap` of the filter: each lane loads a part and broadcasts it. */
function _shareFilterRow(
  filter: RowVectors,
  { lanes, filterHeight }: { lanes: number; filterHeight: number },
): string {
  const last = filterHeight * filter.count - 1;
  const loads = range(Math.ceil(filter.count / lanes)).map((i) =>
    `let f${i} = filtersRead(min(firstWeight + ${i * lanes}u, ${last}u));`
  );
  const weights = range(filter.length).map((i) => {
    const vector = Math.floor(i / filter.width);
    const loaded = Math.floor(vector / lanes) * filter.width + i % filter.width;
    const part = elementOf("f", filter, loaded);
    return `let w${i} = subgroupBroadcast(${part}, ${vector % lanes}u);`;
  });
  return [
    `let firstWeight = u32(tap) * ${filter.count}u + lane;`,
    ...loads,
    ...weights,
  ].join("\n");
}

/** Adds the products of row `tap` to every sum, one sum after the other so that each stays in a register meanwhile. */
function _sums(convolution: RowConvolution, source: RowVectors): string {
  const { from, to, filterWidth, columnAt, weightAt } = convolution;
  const sums = range(to.width).flatMap((x) =>
    range(to.channels).map((channel) => {
      const products = range(filterWidth).flatMap((tap) => {
        const column = columnAt(x, tap);
        if (column === undefined) return [];
        return range(from.channels).map((c) =>
          [
            elementOf("a", source, column * from.channels + c),
            `w${weightAt(tap, c, channel)}`,
          ] as const
        );
      });
      return addProducts(`c${x * to.channels + channel}`, products);
    })
  );
  return sums.join("\n");
}

function _input(s: ConvSizes): ImageSize {
  return { height: s.inHeight, width: s.inWidth, channels: s.inChannels };
}

function _output(s: ConvSizes): ImageSize {
  return { height: s.outHeight, width: s.outWidth, channels: s.outChannels };
}
