/**
 * Convolution of stride 1 by Winograd's minimal filtering: tiles and filters are transformed, multiplied place by place as
 * a batch of matrix products, and transformed back.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { type ConvSizes, imageStep } from "../../sizes.ts";
import { cutImages, type ImagePart, imagesOf } from "./image_parts.ts";
import {
  type Matrix,
  MOST_PLACES,
  winogradMatrices,
} from "./winograd_matrices.ts";
import {
  countTiles,
  placesToPlaces,
  productsToTiles,
  type TiledImages,
  tilesToPlaces,
} from "./winograd_shaders.ts";
import { type Product, runProduct } from "../gemm/product.ts";
import { matrix } from "../gemm/view.ts";
import { dispatch, makeOutput } from "../run/dispatch.ts";
import { type Program, programOf } from "../run/program.ts";
import { type StoredType, storedType } from "../run/recorder.ts";
import { type AdapterTraits, sourceOfPass, traitsOf } from "../run/ways.ts";
import { addInPlace } from "../update/update_in_place.ts";
import type { ConvEpilogue, Epilogue, Shader } from "../wgsl/wgsl.ts";
import type { Source } from "../wgsl/operand.ts";

/** A convolution to compute by tiles. */
export interface TiledConvolution {
  /** Its sizes, which `fitsWinograd`. */
  readonly sizes: ConvSizes;
  /** Outputs of a tile along each direction: of the forward pass, or elements of the gradient that has the input's size. */
  readonly m: number;
  /** Names the operation and all sizes. */
  readonly key: string;
}

const forwardPlans = new WeakMap<AdapterTraits, Map<string, ForwardPlan>>();
const filterPlans = new WeakMap<AdapterTraits, Map<string, FilterPlan>>();

/** Convolution by tiles. */
export function winogradForward(
  backend: WebGPUBackend,
  { x, filter, bias, activation, stored }:
    & { x: TensorInfo; filter: TensorInfo }
    & ConvEpilogue,
  { sizes: s, m, key }: TiledConvolution,
): TensorInfo {
  const epilogue = { hasBias: bias !== undefined, activation };
  const isHalf = isAnyHalf(backend, [x], stored);
  const name = `${key},${m},${isHalf},${epilogue.hasBias},${activation}`;
  const plan = planOf(
    forwardPlans,
    backend,
    name,
    () =>
      planForward(backend, s, m, {
        isHalf,
        from: inputOf(s),
        to: outputOf(s),
        top: s.padTop,
        left: s.padLeft,
        taps: winogradMatrices(m, s.filterHeight).filter,
        along: "outer",
        epilogue,
      }),
  );
  return forward(backend, plan, { from: x, filter, bias, stored });
}

/**
 * Gradient of a convolution with respect to its input, by tiles: a convolution of `dy` with the filter turned around.
 */
export function winogradInputGradient(
  backend: WebGPUBackend,
  { dy, filter, stored }: {
    dy: TensorInfo;
    filter: TensorInfo;
    stored?: StoredType;
  },
  { sizes: s, m, key }: TiledConvolution,
): TensorInfo {
  const r = s.filterHeight;
  const isHalf = isAnyHalf(backend, [dy], stored);
  const plan = planOf(
    forwardPlans,
    backend,
    `${key},${m},${isHalf}`,
    () =>
      planForward(backend, s, m, {
        isHalf,
        from: outputOf(s),
        to: inputOf(s),
        top: r - 1 - s.padTop,
        left: r - 1 - s.padLeft,
        taps: winogradMatrices(m, r).turnedFilter,
        along: "depth",
        epilogue: {},
      }),
  );
  return forward(backend, plan, { from: dy, filter, stored });
}

/**
 * Gradient of a convolution with respect to its filter, by tiles: the filter's taps are the outputs, and a tile of `dy` is
 * the filter.
 */
export function winogradFilterGradient(
  backend: WebGPUBackend,
  { x, dy }: { x: TensorInfo; dy: TensorInfo },
  { sizes, m, key }: TiledConvolution,
): TensorInfo {
  const isHalf = isAnyHalf(backend, [x, dy]);
  const plan = planOf(
    filterPlans,
    backend,
    `${key},${m},${isHalf}`,
    () => planFilter(backend, sizes, m, isHalf),
  );
  let sums: TensorInfo | undefined;
  for (const { part, inputs, gradients, products } of plan.parts) {
    const left = runTransform(backend, inputs, [imagesOf(x, part)]);
    const right = runTransform(backend, gradients, [imagesOf(dy, part)]);
    const terms = multiplyPlaces(backend, products, { left, right });
    backend.disposeData(right.dataId);
    if (sums === undefined) {
      sums = terms;
    } else {
      addInPlace(backend, sums, terms);
      backend.disposeData(terms.dataId);
    }
  }
  const gradient = runTransform(backend, plan.output, [sums!]);
  backend.disposeData(sums!.dataId);
  return gradient;
}

/** Transforms tiles, multiplies them with transformed filters and transforms the products to tiles of the output. */
function forward(
  backend: WebGPUBackend,
  plan: ForwardPlan,
  { from, filter, bias, stored }: {
    from: TensorInfo;
    filter: TensorInfo;
    bias?: TensorInfo;
    stored?: StoredType;
  },
): TensorInfo {
  const taps = runTransform(backend, plan.taps, [filter]);
  const output = makeOutput(backend, plan.shape, stored);
  const rest = bias === undefined ? [] : [bias];
  for (const { part, inputs, products, outputs } of plan.parts) {
    const left = runTransform(backend, inputs, [imagesOf(from, part)]);
    const sums = multiplyPlaces(backend, products, { left, right: taps });
    const images = imagesOf(output, part);
    runTransform(backend, outputs, [sums, ...rest], images);
    backend.disposeData(sums.dataId);
  }
  backend.disposeData(taps.dataId);
  return output;
}

/** Whether images that are read or written store float16. */
function isAnyHalf(
  backend: WebGPUBackend,
  read: readonly TensorInfo[],
  stored?: StoredType,
): boolean {
  return stored === "float16" ||
    read.some((images) => storedType(backend, images) === "float16");
}

function planOf<Plan>(
  plans: WeakMap<AdapterTraits, Map<string, Plan>>,
  backend: WebGPUBackend,
  key: string,
  make: () => Plan,
): Plan {
  const traits = traitsOf(backend);
  let known = plans.get(traits);
  if (known === undefined) plans.set(traits, known = new Map());
  let plan = known.get(key);
  if (plan === undefined) known.set(key, plan = make());
  return plan;
}

/** A forward pass that is ready to run: of images and filters to images. */
export interface ForwardPlan {
  readonly taps: Transform;
  readonly shape: readonly number[];
  readonly parts: readonly {
    readonly part: ImagePart;
    readonly inputs: Transform;
    readonly products: Product;
    readonly outputs: Transform;
  }[];
}

/** A gradient of the filter that is ready to run. */
export interface FilterPlan {
  readonly parts: readonly {
    readonly part: ImagePart;
    readonly inputs: Transform;
    readonly gradients: Transform;
    readonly products: Product;
  }[];
  readonly output: Transform;
}

/** Plans a convolution by tiles. */
export function planForward(
  backend: WebGPUBackend,
  s: ConvSizes,
  m: number,
  { isHalf, from, to, top, left, taps, along, epilogue }: {
    /** Whether images that are read or written store float16. */
    isHalf: boolean;
    from: ImageSize;
    to: ImageSize;
    /** Rows and columns before the image where the first tile begins. */
    top: number;
    left: number;
    taps: Matrix;
    /** How the filters lie: "outer" where the output's channels are contiguous. */
    along: "outer" | "depth";
    epilogue: Epilogue;
  },
): ForwardPlan {
  const matrices = winogradMatrices(m, s.filterHeight);
  const maxBytes = traitsOf(backend).maxBindingBytes;
  const places = taps.rows.length ** 2;
  return {
    taps: planPlaces(backend, [places, s.inChannels, s.outChannels], taps),
    shape: [s.batch, to.height, to.width, to.channels],
    parts: partsOf(s, m, { maxBytes, isHalf }).map((part) => {
      const tiling = tilingOf(to, { images: part.count, m });
      const read = { ...tiling, ...from, top, left };
      const written: TiledImages = { ...tiling, ...to, top: 0, left: 0 };
      return {
        part,
        inputs: planTiles(backend, read, matrices.input),
        products: planMultiply({
          places,
          rows: countTiles(written),
          columns: to.channels,
          depth: from.channels,
          left: "depth",
          right: along,
        }),
        outputs: planProducts(backend, written, matrices.output, epilogue),
      };
    }),
  };
}

/** Plans a gradient of the filter by tiles. */
export function planFilter(
  backend: WebGPUBackend,
  s: ConvSizes,
  m: number,
  isHalf: boolean,
): FilterPlan {
  const r = s.filterHeight;
  const { input, filter, output } = winogradMatrices(r, m);
  const maxBytes = traitsOf(backend).maxBindingBytes;
  const [images, gradients] = [inputOf(s), outputOf(s)];
  return {
    parts: partsOf(s, m, { maxBytes, isHalf }).map((part) => {
      const tiling = tilingOf(gradients, { images: part.count, m });
      const read = { ...tiling, ...images, top: s.padTop, left: s.padLeft };
      const tiles: TiledImages = { ...tiling, ...gradients, top: 0, left: 0 };
      return {
        part,
        inputs: planTiles(backend, read, input),
        gradients: planTiles(backend, tiles, filter),
        products: planMultiply({
          places: input.rows.length ** 2,
          rows: s.inChannels,
          columns: s.outChannels,
          depth: countTiles(tiles),
          left: "outer",
          right: "outer",
        }),
      };
    }),
    output: planPlaces(backend, [r, r, s.inChannels, s.outChannels], output),
  };
}

/** A transform that is ready to run. */
export interface Transform {
  readonly program: Program;
  /** Shape of what it gives. */
  readonly shape: readonly number[];
}

/** Plans the transform of the tiles of images, float32 NHWC. */
export function planTiles(
  backend: WebGPUBackend,
  tiles: TiledImages,
  along: Matrix,
): Transform {
  const { images, height, width, channels } = tiles;
  const size = images * height * width * channels;
  const shape = [along.rows.length ** 2, countTiles(tiles), channels];
  return transformOf(backend, shape, {
    size,
    key: `tiles to places,${Object.values(tiles)},${along.name}`,
    write: (source) => tilesToPlaces(tiles, along, source),
  });
}

/** Plans the transform of square filters, float32, which lie place by place. */
export function planPlaces(
  backend: WebGPUBackend,
  shape: readonly number[],
  along: Matrix,
): Transform {
  const place = shape.at(-1)! * shape.at(-2)!;
  return transformOf(backend, shape, {
    size: along.rows[0].length ** 2 * place,
    key: `places to places,${place},${along.name}`,
    write: (source) => placesToPlaces(place, along, source),
  });
}

/** Plans the transform of products, float32 `[places, tiles, channels]`. */
export function planProducts(
  backend: WebGPUBackend,
  tiles: TiledImages,
  along: Matrix,
  epilogue: Epilogue,
): Transform {
  const { images, height, width, channels } = tiles;
  const places = along.rows[0].length ** 2;
  return transformOf(backend, [images, height, width, channels], {
    size: places * countTiles(tiles) * channels,
    key: `products to tiles,${Object.values(tiles)},${along.name},${
      Object.values(epilogue)
    }`,
    write: (source) => productsToTiles(tiles, along, { source, epilogue }),
  });
}

/** Runs a transform. */
export function runTransform(
  backend: WebGPUBackend,
  { program, shape }: Transform,
  inputs: readonly TensorInfo[],
  output: TensorInfo = makeOutput(backend, shape),
): TensorInfo {
  dispatch(backend, program, [output, ...inputs]);
  return output;
}

/** Sizes of the products of all places, and how the operands lie. */
export interface PlaceProducts {
  readonly places: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly left: "depth" | "outer";
  readonly right: "depth" | "outer";
}

/** Plans the products. */
export function planMultiply(p: PlaceProducts): Product {
  const { places, rows, columns, depth } = p;
  const view = (outer: number, along: "depth" | "outer") =>
    matrix({ outer, depth, along, batchStride: outer * depth });
  return {
    key: `places,${Object.values(p)}`,
    rows,
    columns,
    depth,
    batch: places,
    views: () => ({
      left: view(rows, p.left),
      right: view(columns, p.right),
    }),
  };
}

/** Multiplies the matrices of all places, and frees the left operands. */
export function multiplyPlaces(
  backend: WebGPUBackend,
  product: Product,
  tensors: { left: TensorInfo; right: TensorInfo },
): TensorInfo {
  const { batch, rows, columns } = product;
  const outputShape = [batch, rows, columns];
  const products = runProduct(backend, product, { ...tensors, outputShape });
  backend.disposeData(tensors.left.dataId);
  return products;
}

function transformOf(
  backend: WebGPUBackend,
  shape: readonly number[],
  { size, key, write }: {
    /** Numbers that it reads. */
    size: number;
    key: string;
    write: (source: Source) => Shader;
  },
): Transform {
  const source = sourceOfPass(traitsOf(backend), size);
  const program = programOf(backend, `${key},${source}`, () => write(source));
  return { program, shape };
}

/**
 * Most bytes of a tensor of transformed tiles, where the adapter does not bind less: larger batches are computed in parts.
 */
const MOST_BYTES = 128 * 2 ** 20;

/** The same for images that store float16: less, to save as much memory, although tiles are float32. */
const MOST_HALF_BYTES = 48 * 2 ** 20;

const BYTES_PER_FLOAT = 4;

/** Whether a convolution can be computed by tiles. */
export function fitsWinograd(
  s: ConvSizes,
  m: number,
  maxBytes: number,
): boolean {
  const r = s.filterHeight;
  const step = stepOf(s);
  return r === s.filterWidth && r > 1 && m + r - 1 <= MOST_PLACES &&
    s.strideHeight === 1 && s.strideWidth === 1 &&
    s.inChannels % 4 === 0 && s.outChannels % 4 === 0 &&
    s.padTop < r && s.padLeft < r &&
    filterBytes(s, m) <= maxBytes &&
    step * bytesPerImage(s, m) <= Math.min(MOST_BYTES, maxBytes);
}

/** Height, width and channels of images. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Images of the input. */
export function inputOf(s: ConvSizes): ImageSize {
  return { height: s.inHeight, width: s.inWidth, channels: s.inChannels };
}

/** Images of the output. */
export function outputOf(s: ConvSizes): ImageSize {
  return { height: s.outHeight, width: s.outWidth, channels: s.outChannels };
}

/** Tiles of `m` by `m` that cover images, side by side. */
export function tilingOf(
  { height, width }: ImageSize,
  { images, m }: { images: number; m: number },
): Pick<TiledImages, "images" | "tilesDown" | "tilesAcross" | "stride"> {
  return {
    images,
    tilesDown: Math.ceil(height / m),
    tilesAcross: Math.ceil(width / m),
    stride: m,
  };
}

/** Bytes per image of the larger of the tensors of transformed tiles, in either direction. */
function bytesPerImage(s: ConvSizes, m: number): number {
  const channels = Math.max(s.inChannels, s.outChannels);
  const tiles = [inputOf(s), outputOf(s)].map(({ height, width }) =>
    Math.ceil(height / m) * Math.ceil(width / m)
  );
  const places = (m + s.filterHeight - 1) ** 2;
  return BYTES_PER_FLOAT * places * channels * Math.max(...tiles);
}

/** Bytes of the transformed filter, and of the products of the filter's gradient. */
function filterBytes(s: ConvSizes, m: number): number {
  const places = (m + s.filterHeight - 1) ** 2;
  return BYTES_PER_FLOAT * places * s.inChannels * s.outChannels;
}

/** The multiple of images that parts begin at. */
function stepOf(s: ConvSizes, isHalf = false): number {
  return imageStep(
    [inputOf(s), outputOf(s)].map((i) => i.height * i.width * i.channels),
    isHalf ? 2 : 4,
  );
}

/** The batch in parts whose transformed tiles are not too large. */
export function partsOf(
  s: ConvSizes,
  m: number,
  { maxBytes, isHalf }: { maxBytes: number; isHalf: boolean },
): ImagePart[] {
  const bytes = bytesPerImage(s, m);
  const step = stepOf(s, isHalf);
  const most = isHalf ? Math.max(MOST_HALF_BYTES, step * bytes) : MOST_BYTES;
  return cutImages(s.batch, {
    size: bytes / BYTES_PER_FLOAT,
    step,
    maxBytes: Math.min(most, maxBytes),
  });
}

/** Tiles of the output of all images. */
export function countAllTiles(s: ConvSizes, m: number): number {
  const { images, tilesDown, tilesAcross } = tilingOf(outputOf(s), {
    images: s.batch,
    m,
  });
  return images * tilesDown * tilesAcross;
}
