/**
 * What a matrix product is told: operands, tiles and what follows the sums.
 *
 * @module
 */

import type { Epilogue } from "../wgsl/epilogue.ts";
import type { View } from "./view.ts";

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
