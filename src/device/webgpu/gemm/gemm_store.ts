/**
 * The parts that both forms of the matrix product share: bindings, the range of the sum, and the store.
 *
 * @module
 */

import type { View } from "./view.ts";
import {
  type Epilogue,
  finishFunction,
  MAX_GROUPS,
  range,
} from "../wgsl/wgsl.ts";
import { declareOperand, declareResult, type Width } from "../wgsl/operand.ts";

/** Names of the numbers of a vector. */
export const COMPONENTS = ["x", "y", "z", "w"] as const;

/** Whether four neighbouring outputs are stored as one vector. */
function isVectorStore(plan: GemmPlan): boolean {
  return (plan.outputAlong === "column" ? plan.columns : plan.rows) % 4 === 0;
}

/** Numbers per element of an operand as it is bound. */
function widthOf({ isVector }: View): Width {
  return isVector ? 4 : 1;
}

/**
 * Declares the bindings (output, left, right and what the epilogue needs) and the functions of the views and of the
 * store.
 */
export function declarations(plan: GemmPlan): string {
  const { left, right, tile } = plan;
  const source = tile.form === "registers" ? "textures" : "buffers";
  return `
${declareResult("output", { binding: 0, width: isVectorStore(plan) ? 4 : 1 })}
${declareOperand("left", { binding: 1, width: widthOf(left), source })}
${declareOperand("right", { binding: 2, width: widthOf(right), source })}
${left.code("left")}
${right.code("right")}
${storeFunction(plan)}`;
}

/** Workgroups of a product: tiles across, tiles down, and products times splits. */
export type Tiles = readonly [across: number, down: number, deep: number];

/** Spreads the tiles over two directions, as there may be more than fit in one. */
export function gridOfTiles(tiles: Tiles): [x: number, y: number, z: number] {
  const count = tiles.reduce((product, n) => product * n, 1);
  const x = Math.min(count, MAX_GROUPS);
  return [x, Math.ceil(count / x), 1];
}

/**
 * Finds the tile of the workgroup `id` and its part of the sum: declares `group` (tile across, tile down, product and
 * split), `batch`, `first` and `end`. Workgroups beyond the last tile leave, all their invocations alike.
 */
export function findTile(
  { depth, splits }: GemmPlan,
  tiles: Tiles,
  step: number,
): string {
  const length = Math.ceil(depth / splits / step) * step;
  const [across, down, deep] = tiles;
  const count = across * down * deep;
  const [x, y] = gridOfTiles(tiles);
  // The condition is the same for a whole workgroup, so that barriers after it stay in uniform control flow.
  const leave = x * y === count ? "" : `
  if (index >= ${count}u) {
    return;
  }`;
  return `
  let index = id.y * ${x}u + id.x;${leave}
  let group = vec3u(
    index % ${across}u,
    index / ${across}u % ${down}u,
    index / ${across * down}u,
  );
  let batch = group.z / ${splits}u;
  let first = group.z % ${splits}u * ${length}u;
  let end = min(first + ${length}u, ${depth}u);`;
}

/** Declares the sums of an invocation: `c${row}_${quad}`, four columns each. */
export function declareSums(rows: number, quads: number): string {
  return range(rows).flatMap((i) =>
    range(quads).map((j) => `  var c${i}_${j} = vec4f();`)
  ).join("\n");
}

/**
 * Adds four places to the sums: four multiply-adds in a row for each, so that one kept in memory is read and written once
 * for all.
 */
export function multiplyAdd(
  rows: number,
  quads: number,
  row: (i: number) => string,
): string {
  return range(rows).map((i) => {
    const sums = range(quads).map((j) =>
      `c${i}_${j} = fma(vec4f(a.w), b3_${j}, fma(vec4f(a.z), b2_${j}, fma(vec4f(a.y), b1_${j}, fma(vec4f(a.x), b0_${j}, c${i}_${j}))));`
    );
    return `    {
      let a = ${row(i)};
      ${sums.join("\n      ")}
    }`;
  }).join("\n");
}

/** Stores the sums of an invocation. */
export function storeTile(
  plan: GemmPlan,
  { rows, quads, row, column }: {
    rows: number;
    quads: number;
    row: (i: number) => string;
    column: (j: number) => string;
  },
): string {
  if (plan.outputAlong === "column") {
    return [
      ...range(quads).map((j) => loadBias(plan, `bias${j}`, column(j))),
      ...range(rows).flatMap((i) =>
        range(quads).map((j) =>
          storeSums(plan, {
            row: row(i),
            column: column(j),
            sums: `c${i}_${j}`,
            bias: `bias${j}`,
          })
        )
      ),
    ].join("\n");
  }
  const sum = (i: number, j: number, component: string) =>
    i < rows ? `c${i}_${j}.${component}` : "0.0";
  return range(Math.ceil(rows / 4)).flatMap((i) => [
    loadBias(plan, `bias${i}`, row(4 * i)),
    ...range(quads).flatMap((j) =>
      COMPONENTS.map((component, c) =>
        storeSums(plan, {
          row: row(4 * i),
          column: `${column(j)} + ${c}u`,
          sums: `vec4f(${
            range(4).map((r) => sum(4 * i + r, j, component)).join(", ")
          })`,
          bias: `bias${i}`,
        })
      )
    ),
  ]).join("\n");
}

/** Declares the bias of four outputs that are neighbours in memory, to be loaded once and not per output. */
function loadBias(plan: GemmPlan, name: string, channel: string): string {
  return hasBias(plan) ? `  let ${name} = biasAt(${channel});` : "";
}

/** Stores four sums that are neighbours in memory, the first at (row, column). */
function storeSums(
  plan: GemmPlan,
  at: { row: string; column: string; sums: string; bias: string },
): string {
  const bias = hasBias(plan) ? at.bias : "vec4f()";
  return `  store(group.z, ${at.row}, ${at.column}, finish(${at.sums}, ${bias}));`;
}

function hasBias({ epilogue, splits }: GemmPlan): boolean {
  return splits === 1 && Boolean(epilogue.hasBias);
}

function storeFunction(plan: GemmPlan): string {
  const { rows, columns, outputAlong, epilogue, splits } = plan;
  const [fixed, moving] = outputAlong === "column"
    ? ["row", "column"]
    : ["column", "row"];
  const [fixedEnd, movingEnd] = outputAlong === "column"
    ? [rows, columns]
    : [columns, rows];
  const store = isVectorStore(plan)
    ? `
  if (${fixed} < ${fixedEnd}u && ${moving} < ${movingEnd}u) {
    outputWrite(at / 4u, values);
  }`
    : [0, 1, 2, 3].map((j) => `
  if (${fixed} < ${fixedEnd}u && ${moving} + ${j}u < ${movingEnd}u) {
    outputWrite(at + ${j}u, values[${j}]);
  }`).join("");
  const finish = finishFunction(splits === 1 ? epilogue : {}, {
    binding: 3,
    type: "vec4f",
  });
  const bias = (j: number) =>
    `    biases[min(channel + ${j}u, ${movingEnd - 1}u)],`;
  return `${finish}
${
    hasBias(plan)
      ? `
fn biasAt(channel: u32) -> vec4f {
  return vec4f(
${
        [0, 1, 2, 3].map(bias).join("\n")
      }
  );
}
`
      : ""
  }
fn store(z: u32, row: u32, column: u32, values: vec4f) {
  let at = z * ${
    rows * columns
  }u + ${fixed} * ${movingEnd}u + ${moving};${store}
}`;
}

/** How a product is cut into tiles. */
export type Tile =
  | {
    readonly form: "registers";
    /** Rows per subgroup, a multiple of 8. */
    readonly rows: number;
    /** Columns per invocation, a multiple of 4. */
    readonly columns: number;
    /** Lanes that share the left operand: the size of a subgroup. */
    readonly lanes: number;
    /** Places of the sum per turn of the loop, a multiple of 4. */
    readonly step: number;
  }
  | {
    readonly form: "staged";
    /** Rows per workgroup of 16x16 invocations, a multiple of 64. */
    readonly rows: number;
    /** Columns per workgroup, a multiple of 64. */
    readonly columns: number;
    /**
     * Places of the sum per turn, a multiple of 4; times rows and times columns, a multiple of 1024, so that invocations
     * copy alike. Both operands of a turn have to fit into 16 KiB, with a vector more per row or column that lies along it.
     */
    readonly step: number;
  };

/** A matrix product, or a batch of them. */
export interface GemmPlan {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** Number of products. */
  readonly batch: number;
  readonly left: View;
  readonly right: View;
  /** Which index of the output is contiguous in memory. */
  readonly outputAlong: "row" | "column";
  /** What follows the sums. A bias lies along the contiguous index of the output. */
  readonly epilogue: Epilogue;
  readonly tile: Tile;
  /**
   * Parts that each sum is cut into. With more than one, the output is `[batch, splits, ...]` and the parts are still to
   * be added and the epilogue to be applied.
   */
  readonly splits: number;
}
