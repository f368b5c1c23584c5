/** The matrix product whose tiles live in registers. */

import {
  COMPONENTS,
  declarations,
  declareSums,
  type GemmPlan,
  multiplyAdd,
  spreadTiles,
  storeTile,
  type Tile,
} from "./gemm_store.ts";
import { range, type Shader } from "../wgsl/wgsl.ts";

type RegisterTile = Tile & { form: "registers" };

/**
 * Writes the shader. The sum advances by 4 terms, once or several times a turn: the subgroup loads them of `rows` rows,
 * and each lane those of its columns.
 */
export function registerForm(
  plan: GemmPlan,
  tile: RegisterTile,
): Shader {
  const { left, right } = plan;
  const { rows, lanes, step } = tile;
  // A matrix of fewer rows than the tile needs no sums for the others.
  const live = Math.min(rows, plan.rows);
  const quads = tile.columns / 4;
  const columnsPerGroup = lanes * tile.columns;
  const { findTile, workgroups } = spreadTiles(plan, {
    rows,
    columns: columnsPerGroup,
    step,
  });
  const code = `${declarations(plan)}

@compute @workgroup_size(${lanes})
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {${findTile}
  let firstRow = group.y * ${rows}u;
  let firstColumn = group.x * ${columnsPerGroup}u + lane * 4u;
${prepareLeft(plan, tile)}
${prepareRight(plan, tile)}
${declareSums(live, quads)}
  for (var k = first; k < end; k = k + ${step}u) {
${
    range(step / 4).map((part) =>
      `    {
    let term = k + ${4 * part}u;
${loadLeft(plan, tile)}
${loadRight(right.along, quads)}
${multiplyAdd(live, quads, (i) => leftRow(i, left.along, lanes))}
    }`
    ).join("\n")
  }
  }
${
    storeTile(plan, {
      rows: live,
      quads,
      row: (i) => `firstRow + ${i}u`,
      column: (j) => column(j, tile),
    })
  }
}
`;
  return { code, workgroups };
}

/** First column of quad `j` of this invocation. */
function column(j: number, { lanes }: RegisterTile): string {
  return `firstColumn + ${4 * j * lanes}u`;
}

/** A load of the left operand covers as many rows as there are lanes, or 4, by 4 terms. */
function prepareLeft(
  { left }: GemmPlan,
  { rows, lanes }: RegisterTile,
): string {
  const row = left.along === "outer" ? "(lane >> 2u) * 4u" : "lane";
  return range(rows / lanes).map((r) =>
    `  let l${r} = leftPrepare(firstRow + ${r * lanes}u + ${row}, batch);`
  ).join("\n");
}

function prepareRight({ right }: GemmPlan, tile: RegisterTile): string {
  const quads = range(tile.columns / 4).map((j) => column(j, tile));
  const columns = right.along === "outer"
    ? quads
    : quads.flatMap((quad) => range(4).map((c) => `${quad} + ${c}u`));
  return columns.map((column, i) =>
    `  let r${i} = rightPrepare(${column}, batch);`
  ).join("\n");
}

function loadLeft(
  { left }: GemmPlan,
  { rows, lanes }: RegisterTile,
): string {
  const term = left.along === "outer" ? "term + (lane & 3u)" : "term";
  return [
    `    let leftAt = leftStep(${term});`,
    ...range(rows / lanes).map((r) =>
      `    let a${r} = leftLoad(l${r}, leftAt);`
    ),
  ].join("\n");
}

/** Row `i` of the left operand for the four terms of this turn. */
function leftRow(
  i: number,
  along: "depth" | "outer",
  lanes: number,
): string {
  const loaded = `a${Math.floor(i / lanes)}`;
  if (along === "depth") return `subgroupBroadcast(${loaded}, ${i % lanes}u)`;
  const firstLane = Math.floor(i % lanes / 4) * 4;
  const values = range(4).map((kk) =>
    `subgroupBroadcast(${loaded}.${COMPONENTS[i % 4]}, ${firstLane + kk}u)`
  );
  return `vec4f(${values.join(", ")})`;
}

/** Declares `b${k}_${quad}`: four columns for each of the four terms of this turn. */
function loadRight(along: "depth" | "outer", quads: number): string {
  if (along === "outer") {
    return range(4).flatMap((kk) => [
      `    let rightAt${kk} = rightStep(term + ${kk}u);`,
      ...range(quads).map((j) =>
        `    let b${kk}_${j} = rightLoad(r${j}, rightAt${kk});`
      ),
    ]).join("\n");
  }
  return [
    "    let rightAt = rightStep(term);",
    ...range(quads).flatMap((j) => [
      ...range(4).map((c) =>
        `    let t${4 * j + c} = rightLoad(r${4 * j + c}, rightAt);`
      ),
      ...range(4).map((kk) =>
        `    let b${kk}_${j} = vec4f(${
          range(4).map((c) => `t${4 * j + c}.${COMPONENTS[kk]}`).join(", ")
        });`
      ),
    ]),
  ].join("\n");
}
