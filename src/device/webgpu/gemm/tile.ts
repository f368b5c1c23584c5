/** Chooses the tiles of a matrix product by the kind of adapter. */

import type { Tile } from "./gemm_store.ts";
import type { AdapterTraits } from "../run/ways.ts";

/** Sizes of a product whose output is contiguous along its columns. */
export interface GemmSizes {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly batch: number;
}

/** A choice of tiles. */
export interface Tiling {
  readonly tile: Tile;
  /** Whether to compute the transposed product, so that the tile's rows are the product's columns. */
  readonly isTransposed: boolean;
  /** Parts that each sum is cut into. */
  readonly splits: number;
}

/** Shortest part that a sum is cut into. */
const MIN_SPLIT = 128;

/** Most iterations of all loops of an invocation: llvmpipe before Mesa 25 stops after 65,535. */
const MAX_ITERATIONS = 60_000;

/** Terms of the sum per turn of register tiles: with 8, llvmpipe reaches two thirds of the speed. */
const STEP = 4;

/** Tiles of products on a software adapter that are worth measuring. */
const MOST_TILES = 3;

/** Tiles for GPUs, which fit into 16 KiB of workgroup memory; the first is taken where nothing was measured. */
const STAGED_TILES = [
  { rows: 64, columns: 64, step: 16 },
  { rows: 128, columns: 64, step: 16 },
  { rows: 64, columns: 128, step: 16 },
  { rows: 128, columns: 128, step: 8 },
];

/** Tiles of software adapters: rows per subgroup, and columns per invocation. */
const REGISTER_TILES = [8, 16, 24, 32, 48, 64, 96].flatMap((rows) =>
  [4, 8, 16].map((columns) => ({ rows, columns }))
);

/**
 * Nanoseconds measured on llvmpipe (LLVM 15, AMD EPYC): a load of a vector by 8 lanes, a multiply-add of 8 lanes for four
 * terms, and the rest of a turn.
 */
const COST = { load: 25, multiply: 3.1, turn: 20 };

/** Most sums that are worth keeping: more do not fit into registers and the first cache. */
const MOST_SUMS = 256;

/** Nanoseconds that compiling a tile takes per sum. */
const COMPILE = 2.2e6;

/**
 * Runs that a product is expected to have, so that compiling a larger tile has to pay for itself: a short training run.
 */
const EXPECTED_RUNS = 300;

/** Products that run at the same time on a software adapter: the usual number of cores of a small machine. */
const CORES = 2;

/** The tiles of a product that are worth measuring on an adapter, the usual first. */
export function chooseTilings(
  sizes: GemmSizes,
  traits: AdapterTraits,
): Tiling[] {
  const choices = traits.lanes > 1
    ? registerTiles(sizes, traits.lanes)
    : STAGED_TILES.map((size): Choice => ({
      tile: { form: "staged", ...size },
      isTransposed: false,
    }));
  return choices.map((choice) => withSplits(choice, sizes, traits));
}

type Choice = Omit<Tiling, "splits">;

/** The tiles that should take least time, the best first. */
function registerTiles(sizes: GemmSizes, lanes: number): Choice[] {
  const tiles = REGISTER_TILES.filter(({ rows, columns }) =>
    rows * columns <= MOST_SUMS
  );
  const candidates = [false, true].flatMap((isTransposed) =>
    tiles.map((size): Choice => ({
      tile: { form: "registers", lanes, step: STEP, ...size },
      isTransposed,
    }))
  );
  const costed = candidates.map((candidate) => {
    const { rows, columns } = candidate.tile;
    const sums = rows * columns;
    const turn = COST.load * (rows / lanes + columns) + COST.multiply * sums +
      COST.turn;
    const turns = countGroups(candidate, sizes) * sizes.depth / STEP;
    // Compiling slows down as the sums outgrow the registers.
    const compile = COMPILE * sums * (1 + sums / 1024);
    return {
      candidate,
      cost: turn * turns / CORES * EXPECTED_RUNS + compile,
    };
  });
  return costed.sort((a, b) => a.cost - b.cost).slice(0, MOST_TILES)
    .map(({ candidate }) => candidate);
}

/** Workgroups that cover the product. */
function countGroups({ tile, isTransposed }: Choice, sizes: GemmSizes): number {
  const [rows, columns] = isTransposed
    ? [sizes.columns, sizes.rows]
    : [sizes.rows, sizes.columns];
  const width = tile.columns * (tile.form === "staged" ? 1 : tile.lanes);
  return Math.ceil(rows / tile.rows) * Math.ceil(columns / width) * sizes.batch;
}

/** Cuts the sums where there would be too few workgroups to keep the adapter busy, or too long loops. */
function withSplits(
  choice: Choice,
  sizes: GemmSizes,
  traits: AdapterTraits,
): Tiling {
  const groups = countGroups(choice, sizes);
  const bytes = sizes.rows * sizes.columns * sizes.batch * 4;
  const splits = Math.min(
    Math.ceil((traits.isSoftware ? 16 : 256) / groups),
    Math.ceil(sizes.depth / MIN_SPLIT),
    Math.max(1, Math.floor(traits.maxBindingBytes / bytes)),
  );
  const { form, step } = choice.tile;
  // Of staged tiles there is an inner loop, which takes four terms at a time.
  const perTurn = form === "staged" ? 1 + step / 4 : 1;
  const most = Math.floor(MAX_ITERATIONS / perTurn) * step;
  const least = Math.ceil(sizes.depth / most);
  return { ...choice, splits: Math.max(splits, least) };
}
