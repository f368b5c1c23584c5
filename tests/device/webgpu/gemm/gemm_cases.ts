/** Matrix products that try every form of the generator. */

import type {
  GemmPlan,
  Tile,
} from "../../../../src/device/webgpu/gemm/gemm_store.ts";
import { matrix } from "../../../../src/device/webgpu/gemm/view.ts";

/** A tile and its name. */
export interface TileCase {
  readonly name: string;
  readonly tile: Tile;
}

/** Every form, whatever the default of the adapter is. */
export const TILES: readonly TileCase[] = [
  ...[[8, 4], [16, 4], [32, 4], [64, 4], [8, 8], [32, 8], [8, 16], [64, 16]]
    .map(([rows, columns]) => _registers(rows, columns)),
  _registers(16, 4, 8),
  _registers(8, 8, 12),
  _staged(64, 64, 16),
  _staged(128, 64, 16),
  _staged(64, 128, 16),
  _staged(128, 128, 8),
];

/** A product to run, with its name. */
export interface PlanCase {
  readonly name: string;
  readonly plan: GemmPlan;
}

const ACTIVATIONS = [undefined, "relu", "sigmoid"] as const;

/**
 * Products with one tile. All ways that the operands lie are combined: bits `left`, `right` and `size` (whose operands
 * are read as scalars or as vectors). The other options are sums of these bits, so that each pair of options has each
 * pair of values. Large register tiles take llvmpipe seconds to compile, so of them only four products or, of the largest,
 * two are tried, among which most options still have all of their values. As the epilogue is the same code for all tiles, other pairs of it are
 * tried with every other tile.
 */
export function plansOf(index: number): PlanCase[] {
  const { tile } = TILES[index];
  const sums = tile.form === "registers" ? tile.rows * tile.columns : 0;
  const combinations = sums >= 768
    ? [1, 6]
    : sums >= 128
    ? [1, 2, 4, 5]
    : [0, 1, 2, 3, 4, 5, 6, 7];
  return combinations.map((bits) => {
    const [left, right, size] = [bits & 1, bits >> 1 & 1, bits >> 2];
    const [rows, columns, depth] = size ? [64, 64, 64] : [37, 29, 50];
    const options = {
      left: left ? "depth" : "outer",
      right: right ? "depth" : "outer",
      outputAlong: left ^ right ^ (index & 1) ? "column" : "row",
      splits: left ^ right ^ size ? 3 : 1,
      hasBias: Boolean(left ^ size ^ (index >> 1 & 1)),
      activation: ACTIVATIONS[(left + right + 2 * size + index) % 3],
    } as const;
    return {
      name: `${rows}x${columns}x${depth} ${Object.values(options).join(" ")}`,
      plan: {
        rows,
        columns,
        depth,
        batch: 1,
        left: matrix({ outer: rows, depth, along: options.left }),
        right: matrix({ outer: columns, depth, along: options.right }),
        outputAlong: options.outputAlong,
        epilogue: {
          hasBias: options.hasBias,
          activation: options.activation,
        },
        tile,
        splits: options.splits,
      },
    };
  });
}

function _registers(rows: number, columns: number, step = 4): TileCase {
  return {
    name: `registers of ${rows}x${columns}, ${step} places a turn`,
    tile: { form: "registers", rows, columns, lanes: 8, step },
  };
}

function _staged(rows: number, columns: number, step: number): TileCase {
  return {
    name: `staged ${rows}x${columns}, ${step} places a turn`,
    tile: { form: "staged", rows, columns, step },
  };
}
