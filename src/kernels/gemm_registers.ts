/**
 * The matrix product whose tiles live in registers.
 *
 * @module
 */

import type { GemmPlan, Tile } from "./gemm_plan.ts";
import type { Shader } from "./shader.ts";
import {
  COMPONENTS,
  declarations,
  declareSums,
  findTile,
  gridOfTiles,
  multiplyAdd,
  storeTile,
  type Tiles,
} from "./gemm_store.ts";
import { range } from "./wgsl.ts";

/** Invocations of a workgroup where lanes do not share. */
const LONE_INVOCATIONS = 64;

/**
 * Writes the shader. The sum advances by 4 places, once or several times a turn: the subgroup loads them of `rows` rows,
 * and each lane those of its columns.
 *
 * @param plan The product.
 * @param tile Its tile.
 * @returns The shader.
 */
export function registerForm(
  plan: GemmPlan,
  tile: Tile & { form: "registers" },
): Shader {
  const { left, right } = plan;
  const { rows, lanes, step } = tile;
  // A matrix of fewer rows than the tile needs no sums for the others.
  const live = Math.min(rows, plan.rows);
  const quads = tile.columns / 4;
  const columnsPerGroup = lanes === 1
    ? LONE_INVOCATIONS * tile.columns
    : lanes * tile.columns;
  const tiles: Tiles = [
    Math.ceil(plan.columns / columnsPerGroup),
    Math.ceil(plan.rows / rows),
    plan.batch * plan.splits,
  ];
  const code = `${declarations(plan)}

@compute @workgroup_size(${lanes === 1 ? LONE_INVOCATIONS : lanes})
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(local_invocation_index) invocation: u32,${
    lanes === 1 ? "" : "\n  @builtin(subgroup_invocation_id) lane: u32,"
  }
) {${findTile(plan, tiles, step)}
  let firstRow = group.y * ${rows}u;
  let firstColumn = group.x * ${columnsPerGroup}u + ${
    lanes === 1 ? `invocation * ${tile.columns}u` : "lane * 4u"
  };
${_prepareLeft(plan, tile)}
${
    range(quads).flatMap((j) =>
      right.along === "outer"
        ? [`  let r${j} = rightPrepare(${_column(j, tile)}, batch);`]
        : range(4).map((c) =>
          `  let r${4 * j + c} = rightPrepare(${
            _column(j, tile)
          } + ${c}u, batch);`
        )
    ).join("\n")
  }
${declareSums(live, quads)}
  for (var k = first; k < end; k = k + ${step}u) {
${
    range(step / 4).map((part) =>
      `    {
    let place = k + ${4 * part}u;
${_loadLeft(plan, tile)}
${_loadRight(right.along, quads)}
${multiplyAdd(live, quads, (i) => _leftRow(i, left.along, lanes))}
    }`
    ).join("\n")
  }
  }
${
    storeTile(plan, {
      rows: live,
      quads,
      row: (i) => `firstRow + ${i}u`,
      column: (j) => _column(j, tile),
    })
  }
}
`;
  return { code, workgroups: gridOfTiles(tiles) };
}

/** First column of quad `j` of this invocation. */
function _column(j: number, { lanes }: { lanes: number }): string {
  return `firstColumn + ${4 * j * lanes}u`;
}

/**
 * A load of the left operand covers `max(lanes, 4)` rows by 4 places or, by a lone invocation, 1 row by 4 places
 * (depth) or 4 rows by 1 place (outer).
 */
function _prepareLeft(
  { left }: GemmPlan,
  { rows, lanes }: { rows: number; lanes: number },
): string {
  const isOuter = left.along === "outer";
  const lines = lanes > 1
    ? range(rows / lanes).map((r) =>
      `  let l${r} = leftPrepare(firstRow + ${r * lanes}u + ${
        isOuter ? "(lane >> 2u) * 4u" : "lane"
      }, batch);`
    )
    : range(isOuter ? rows / 4 : rows).map((r) =>
      `  let l${r} = leftPrepare(firstRow + ${isOuter ? 4 * r : r}u, batch);`
    );
  return lines.join("\n");
}

function _loadLeft(
  { left }: GemmPlan,
  { rows, lanes }: { rows: number; lanes: number },
): string {
  const isOuter = left.along === "outer";
  if (lanes > 1) {
    return [
      `    let leftAt = leftStep(${
        isOuter ? "place + (lane & 3u)" : "place"
      });`,
      ...range(rows / lanes).map((r) =>
        `    let a${r} = leftLoad(l${r}, leftAt);`
      ),
    ].join("\n");
  }
  if (!isOuter) {
    return [
      "    let leftAt = leftStep(place);",
      ...range(rows).map((r) => `    let a${r} = leftLoad(l${r}, leftAt);`),
    ].join("\n");
  }
  return range(4).flatMap((kk) => [
    `    let leftAt${kk} = leftStep(place + ${kk}u);`,
    ...range(rows / 4).map((r) =>
      `    let a${r}_${kk} = leftLoad(l${r}, leftAt${kk});`
    ),
  ]).join("\n");
}

/** Row `i` of the left operand at the four places of this turn. */
function _leftRow(
  i: number,
  along: "depth" | "outer",
  lanes: number,
): string {
  if (lanes > 1 && along === "depth") {
    return `subgroupBroadcast(a${Math.floor(i / lanes)}, ${i % lanes}u)`;
  }
  const component = COMPONENTS[i % 4];
  if (lanes > 1) {
    const firstLane = Math.floor(i % lanes / 4) * 4;
    const values = range(4).map((kk) =>
      `subgroupBroadcast(a${Math.floor(i / lanes)}.${component}, ${
        firstLane + kk
      }u)`
    );
    return `vec4f(${values.join(", ")})`;
  }
  if (along === "depth") return `a${i}`;
  const r = Math.floor(i / 4);
  return `vec4f(${
    range(4).map((kk) => `a${r}_${kk}.${component}`).join(", ")
  })`;
}

/** Declares `b${k}_${quad}`: four columns at each of the four places of this turn. */
function _loadRight(along: "depth" | "outer", quads: number): string {
  if (along === "outer") {
    return range(4).flatMap((kk) => [
      `    let rightAt${kk} = rightStep(place + ${kk}u);`,
      ...range(quads).map((j) =>
        `    let b${kk}_${j} = rightLoad(r${j}, rightAt${kk});`
      ),
    ]).join("\n");
  }
  return [
    "    let rightAt = rightStep(place);",
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
