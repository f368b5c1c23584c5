/**
 * The stages of Winograd convolution: transforms and the products between them, each planned once.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { dispatch, makeOutput } from "../run/dispatch.ts";
import type { Epilogue } from "../wgsl/epilogue.ts";
import type { Source } from "../wgsl/operand.ts";
import { type Product, runProduct } from "../gemm/product.ts";
import { type Program, programOf } from "../run/program.ts";
import type { Shader } from "../wgsl/shader.ts";
import { sourceOfPass, traitsOf } from "../run/traits.ts";
import { matrix } from "../gemm/view.ts";
import type { Matrix } from "./winograd_matrices.ts";
import {
  countTiles,
  placesToPlaces,
  productsToTiles,
  type TiledImages,
  tilesToPlaces,
} from "./winograd_shaders.ts";

/** A transform that is ready to run. */
export interface Transform {
  readonly program: Program;
  /** Shape of what it gives. */
  readonly shape: readonly number[];
}

/**
 * Plans the transform of the tiles of images, float32 NHWC.
 *
 * @param backend The backend that will run it.
 * @param tiles How the images are cut.
 * @param along The matrix that is applied along both directions of a tile.
 * @returns The transform: to `[places, tiles, channels]`.
 */
export function planTiles(
  backend: WebGPUBackend,
  tiles: TiledImages,
  along: Matrix,
): Transform {
  const { images, height, width, channels } = tiles;
  const size = images * height * width * channels;
  const shape = [along.rows.length ** 2, countTiles(tiles), channels];
  return _plan(backend, shape, {
    size,
    key: `tiles to places,${Object.values(tiles)},${along.name}`,
    write: (source) => tilesToPlaces(tiles, along, source),
  });
}

/**
 * Plans the transform of square filters, float32, which lie place by place.
 *
 * @param backend The backend that will run it.
 * @param shape Shape of what it gives, of which the last two dimensions are those of a place.
 * @param along The matrix that is applied along both directions.
 * @returns The transform.
 */
export function planPlaces(
  backend: WebGPUBackend,
  shape: readonly number[],
  along: Matrix,
): Transform {
  const place = shape.at(-1)! * shape.at(-2)!;
  return _plan(backend, shape, {
    size: along.rows[0].length ** 2 * place,
    key: `places to places,${place},${along.name}`,
    write: (source) => placesToPlaces(place, along, source),
  });
}

/**
 * Plans the transform of products, float32 `[places, tiles, channels]`.
 *
 * @param backend The backend that will run it.
 * @param tiles How the images that it gives are cut.
 * @param along The matrix that is applied along both directions.
 * @param epilogue What follows the sums.
 * @returns The transform: to NHWC.
 */
export function planProducts(
  backend: WebGPUBackend,
  tiles: TiledImages,
  along: Matrix,
  epilogue: Epilogue,
): Transform {
  const { images, height, width, channels } = tiles;
  const places = along.rows[0].length ** 2;
  return _plan(backend, [images, height, width, channels], {
    size: places * countTiles(tiles) * channels,
    key: `products to tiles,${Object.values(tiles)},${along.name},${
      Object.values(epilogue)
    }`,
    write: (source) => productsToTiles(tiles, along, { source, epilogue }),
  });
}

/**
 * Runs a transform.
 *
 * @param backend The backend that it was planned for.
 * @param transform The transform.
 * @param inputs What it reads.
 * @param output Where to write, if not to a new tensor.
 * @returns What it gives.
 */
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

/**
 * Plans the products.
 *
 * @param p Their sizes.
 * @returns The products, for {@linkcode multiplyPlaces}.
 */
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

/**
 * Multiplies the matrices of all places, and frees the left operands.
 *
 * @param backend The backend that holds the tensors.
 * @param product What was planned.
 * @param tensors The operands, float32, place by place.
 * @returns float32 `[places, rows, columns]`.
 */
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

function _plan(
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
