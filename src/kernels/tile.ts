/**
 * Chooses the tiles of a matrix product by the kind of adapter.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { Tile } from "./gemm_plan.ts";
import type { Source } from "./operand.ts";

/** What the choice of tiles depends on. */
export interface AdapterTraits {
  /** Whether the adapter computes on the CPU. */
  readonly isSoftware: boolean;
  /** Size of a subgroup where shaders can use them and it is always 4 or always 8, else 1. */
  readonly lanes: number;
  /** Largest buffer that a shader may bind, in bytes. */
  readonly maxBindingBytes: number;
  /** Whether convolutions of few channels are computed by rows; else they are products. */
  readonly hasRows: boolean;
  /** Where it reads operands fastest. */
  readonly source: Source;
  /** Fewest numbers of a tensor for which copying it to a texture saves more than it costs, where each is read once. */
  readonly leastCopied: number;
}

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

/** Places of the sum per turn: measured for software adapters, and what fits 64x64 tiles into 16 KiB of workgroup memory. */
const STEP = { registers: 4, staged: 16 };

/** Invocations of a workgroup whose lanes do not share. */
const LONE_INVOCATIONS = 64;

/** Tiles to choose from: rows per subgroup, and columns per invocation. */
const SHARED_TILES = [8, 16, 32, 64, 96].flatMap((rows) =>
  [4, 8, 16].map((columns) => ({ rows, columns }))
);
const LONE_TILES = [[8, 8], [8, 16], [16, 16]].map(([rows, columns]) => ({
  rows,
  columns,
}));

/**
 * Nanoseconds measured on llvmpipe (LLVM 15, AMD EPYC): a load of a vector by 8 lanes, a multiply-add of 8 lanes at four
 * places, and the rest of a turn; and the most sums that are worth keeping: where loads are cheap, more than fit into
 * registers and the first cache only cost.
 */
const COST: Readonly<
  Record<
    Source,
    { load: number; multiply: number; turn: number; mostSums: number }
  >
> = {
  buffers: { load: 149, multiply: 3.4, turn: 458, mostSums: 1024 },
  textures: { load: 25, multiply: 3.1, turn: 20, mostSums: 256 },
};

/** Nanoseconds that compiling a tile takes per sum. */
const COMPILE = 2.2e6;

/**
 * Runs that a product is expected to have, so that compiling a larger tile has to pay for itself: a short training run.
 */
const EXPECTED_RUNS = 300;

/** Products that run at the same time on a software adapter: the usual number of cores of a small machine. */
const CORES = 2;

const cachedTraits = new WeakMap<GPUDevice, AdapterTraits>();

/**
 * Describes an adapter.
 *
 * @param backend A backend on it.
 * @returns What the choice of tiles depends on.
 */
export function traitsOf(backend: WebGPUBackend): AdapterTraits {
  const { device } = backend;
  let traits = cachedTraits.get(device);
  if (traits === undefined) {
    const { isFallbackAdapter, subgroupMinSize, subgroupMaxSize } =
      device.adapterInfo;
    const hasLanes = device.features.has("subgroups" as GPUFeatureName) &&
      subgroupMinSize === subgroupMaxSize && [4, 8].includes(subgroupMinSize);
    traits = {
      isSoftware: isFallbackAdapter,
      lanes: hasLanes ? subgroupMinSize : 1,
      maxBindingBytes: device.limits.maxStorageBufferBindingSize,
      hasRows: isFallbackAdapter && hasLanes,
      source: isFallbackAdapter && _readsTextures() ? "textures" : "buffers",
      leastCopied: 65_536,
    };
    cachedTraits.set(device, traits);
  }
  return traits;
}

/**
 * Chooses where a kernel reads that looks at each number of a tensor a few times only.
 *
 * @param traits The adapter.
 * @param size Numbers of the tensor.
 * @returns Where to read from.
 */
export function sourceOfPass(
  { source, leastCopied }: AdapterTraits,
  size: number,
): Source {
  return size < leastCopied ? "buffers" : source;
}

/** Whether shaders can read storage textures. */
function _readsTextures(): boolean {
  // Not in Deno's types.
  const { wgslLanguageFeatures } = navigator.gpu as GPU & {
    wgslLanguageFeatures?: ReadonlySet<string>;
  };
  return wgslLanguageFeatures?.has("readonly_and_readwrite_storage_textures") ??
    false;
}

/**
 * Has products on a device computed as on another adapter, to try its tiles.
 *
 * @param backend A backend on the device.
 * @param traits The other adapter; without it, what the device really is.
 */
export function pretendTraits(
  backend: WebGPUBackend,
  traits?: AdapterTraits,
): void {
  if (traits === undefined) cachedTraits.delete(backend.device);
  else cachedTraits.set(backend.device, traits);
}

/**
 * Chooses tiles.
 *
 * @param sizes Sizes of the product.
 * @param traits The adapter.
 * @returns Tile, orientation and number of splits.
 */
export function chooseTiling(
  sizes: GemmSizes,
  traits: AdapterTraits,
): Tiling {
  if (!traits.isSoftware) {
    const tile = {
      form: "staged",
      rows: 64,
      columns: 64,
      step: STEP.staged,
    } as const;
    return _withSplits({ tile, isTransposed: false }, sizes, traits);
  }
  const { lanes, source } = traits;
  const cost = COST[source];
  const tiles = (lanes === 1 ? LONE_TILES : SHARED_TILES)
    .filter(({ rows, columns }) => rows * columns <= cost.mostSums)
    .map((size) => ({
      form: "registers" as const,
      lanes,
      source,
      step: STEP.registers,
      ...size,
    }));
  const candidates = [false, true].flatMap((isTransposed) =>
    tiles.map((tile) => ({ tile, isTransposed }))
  );
  const costs = candidates.map((candidate) => {
    const { tile: { rows, columns, lanes } } = candidate;
    const sums = rows * columns;
    const turn = cost.load * (rows / lanes + columns) + cost.multiply * sums +
      cost.turn;
    const turns = _countGroups(candidate, sizes) * sizes.depth / 4;
    // Compiling slows down as the sums outgrow the registers.
    const compile = COMPILE * sums * (1 + sums / 1024);
    return turn * turns / CORES * EXPECTED_RUNS + compile;
  });
  const best = candidates[costs.indexOf(Math.min(...costs))];
  return _withSplits(best, sizes, traits);
}

/** Workgroups that cover the product. */
function _countGroups(
  { tile, isTransposed }: Omit<Tiling, "splits">,
  sizes: GemmSizes,
): number {
  const [rows, columns] = isTransposed
    ? [sizes.columns, sizes.rows]
    : [sizes.rows, sizes.columns];
  return Math.ceil(rows / tile.rows) * Math.ceil(columns / _widthOf(tile)) *
    sizes.batch;
}

/** Columns of a workgroup. */
function _widthOf(tile: Tile): number {
  if (tile.form === "staged") return tile.columns;
  return tile.columns * (tile.lanes === 1 ? LONE_INVOCATIONS : tile.lanes);
}

/** Cuts the sums where there would be too few workgroups to keep the adapter busy, or too long loops. */
function _withSplits(
  choice: Omit<Tiling, "splits">,
  sizes: GemmSizes,
  traits: AdapterTraits,
): Tiling {
  const groups = _countGroups(choice, sizes);
  const bytes = sizes.rows * sizes.columns * sizes.batch * 4;
  const splits = Math.min(
    Math.ceil((traits.isSoftware ? 16 : 256) / groups),
    Math.ceil(sizes.depth / MIN_SPLIT),
    Math.max(1, Math.floor(traits.maxBindingBytes / bytes)),
  );
  const { form, step } = choice.tile;
  // Of staged tiles there is an inner loop, which takes four places at a time.
  const perTurn = form === "staged" ? 1 + step / 4 : 1;
  const most = Math.floor(MAX_ITERATIONS / perTurn) * step;
  const least = Math.ceil(sizes.depth / most);
  return { ...choice, splits: Math.max(splits, least) };
}
