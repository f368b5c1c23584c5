/**
 * The matrix product whose tiles go through workgroup memory.
 *
 * @module
 */

import type { GemmPlan, Tile } from "./gemm_plan.ts";
import type { Shader } from "./shader.ts";
import {
  declarations,
  findTile,
  gridOfTiles,
  loadBias,
  storeSums,
  type Tiles,
} from "./gemm_store.ts";
import { range } from "./wgsl.ts";
import type { View } from "./view.ts";

/** Workgroups are 16 by 16 invocations, WebGPU's default limit of 256. */
const SIDE = 16;

/** Places of the sum per turn: with 64x64 tiles, 8 KiB of workgroup memory. */
const DEPTH = 16;

/**
 * Writes the shader. In each turn the workgroup copies 16 places of its rows and columns to workgroup memory, every
 * invocation the same number of vectors and neighbours reading neighbours, and each invocation adds up a 4x4 (or larger)
 * tile. All barriers are in uniform control flow.
 *
 * @param plan The product.
 * @param tile Its tile.
 * @returns The shader.
 */
export function stagedForm(
  plan: GemmPlan,
  tile: Tile & { form: "staged" },
): Shader {
  const { rows, columns } = tile;
  const [height, width] = [rows / SIDE, columns / SIDE];
  const tiles: Tiles = [
    Math.ceil(plan.columns / columns),
    Math.ceil(plan.rows / rows),
    plan.batch * plan.splits,
  ];
  const code = `${declarations(plan)}

var<workgroup> leftTile: array<f32, ${rows * DEPTH}>;
var<workgroup> rightTile: array<f32, ${columns * DEPTH}>;

@compute @workgroup_size(${SIDE}, ${SIDE})
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) invocation: u32,
) {${findTile(plan, tiles, DEPTH)}
  let firstRow = group.y * ${rows}u;
  let firstColumn = group.x * ${columns}u;
${_prepare("left", plan.left, rows)}
${_prepare("right", plan.right, columns)}
  var sums: array<array<f32, ${width}>, ${height}>;
  for (var k = first; k < end; k = k + ${DEPTH}u) {
${_copy("left", plan.left, rows)}
${_copy("right", plan.right, columns)}
    workgroupBarrier();
    for (var kk = 0u; kk < ${DEPTH}u; kk = kk + 1u) {
${
    range(width).map((j) =>
      `      let b${j} = rightTile[kk * ${columns}u + local.x * ${width}u + ${j}u];`
    ).join("\n")
  }
${
    range(height).map((i) =>
      `      let a${i} = leftTile[kk * ${rows}u + local.y * ${height}u + ${i}u];
${
        range(width).map((j) =>
          `      sums[${i}][${j}] = fma(a${i}, b${j}, sums[${i}][${j}]);`
        ).join("\n")
      }`
    ).join("\n")
  }
    }
    workgroupBarrier();
  }
  let row = firstRow + local.y * ${height}u;
  let column = firstColumn + local.x * ${width}u;
${_stores(plan, height, width)}
}
`;
  return { code, workgroups: gridOfTiles(tiles) };
}

/** Vectors of the tile that each invocation copies, and where the one with number `v` lies in it. */
function _places(view: View, size: number): string[] {
  const perInvocation = size * DEPTH / 4 / SIDE ** 2;
  return range(perInvocation).map((v) => `invocation + ${v * SIDE ** 2}u`).map(
    (vector) =>
      view.along === "depth"
        ? `vec2u((${vector}) / ${DEPTH / 4}u, (${vector}) % ${DEPTH / 4}u * 4u)`
        : `vec2u((${vector}) % ${size / 4}u * 4u, (${vector}) / ${size / 4}u)`,
  );
}

function _prepare(name: string, view: View, size: number): string {
  const first = name === "left" ? "firstRow" : "firstColumn";
  return _places(view, size).map((place, v) => `
  let ${name}Place${v} = ${place};
  let ${name}${v} = ${name}Prepare(${first} + ${name}Place${v}.x, batch);`)
    .join("");
}

function _copy(name: string, view: View, size: number): string {
  return _places(view, size).map((_, v) => {
    const place = `${name}Place${v}`;
    const stores = range(4).map((j) =>
      view.along === "depth"
        ? `${name}Tile[(${place}.y + ${j}u) * ${size}u + ${place}.x] = v[${j}];`
        : `${name}Tile[${place}.y * ${size}u + ${place}.x + ${j}u] = v[${j}];`
    );
    // The range of a split is a multiple of the depth of a turn, so only the end of the whole sum is beyond it.
    return `    {
      let v = ${name}Load(${name}${v}, ${name}Step(k + ${place}.y));
      ${stores.join("\n      ")}
    }`;
  }).join("\n");
}

function _stores(plan: GemmPlan, height: number, width: number): string {
  const sum = (i: number, j: number) => `sums[${i}][${j}]`;
  if (plan.outputAlong === "column") {
    return range(width / 4).flatMap((j) => [
      loadBias(plan, `bias${j}`, `column + ${4 * j}u`),
      ...range(height).map((i) =>
        storeSums(plan, {
          row: `row + ${i}u`,
          column: `column + ${4 * j}u`,
          sums: `vec4f(${range(4).map((c) => sum(i, 4 * j + c)).join(", ")})`,
          bias: `bias${j}`,
        })
      ),
    ]).join("\n");
  }
  return range(height / 4).flatMap((i) => [
    loadBias(plan, `bias${i}`, `row + ${4 * i}u`),
    ...range(width).map((j) =>
      storeSums(plan, {
        row: `row + ${4 * i}u`,
        column: `column + ${j}u`,
        sums: `vec4f(${range(4).map((r) => sum(4 * i + r, j)).join(", ")})`,
        bias: `bias${i}`,
      })
    ),
  ]).join("\n");
}
