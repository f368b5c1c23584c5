/**
 * Plans convolutions by tiles: the parts of the batch, and the stages of each.
 *
 * @module
 */

import type { ConvSizes } from "../../sizes.ts";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { Epilogue } from "../wgsl/epilogue.ts";
import type { ImagePart } from "./image_parts.ts";
import type { Product } from "../gemm/product.ts";
import { traitsOf } from "../run/traits.ts";
import { type Matrix, winogradMatrices } from "./winograd_matrices.ts";
import { countTiles, type TiledImages } from "./winograd_shaders.ts";
import {
  type ImageSize,
  inputOf,
  outputOf,
  partsOf,
  tilingOf,
} from "./winograd_sizes.ts";
import {
  planMultiply,
  planPlaces,
  planProducts,
  planTiles,
  type Transform,
} from "./winograd_stages.ts";

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

/**
 * Plans a convolution by tiles.
 *
 * @param backend The backend that will run it.
 * @param s Sizes of the convolution.
 * @param m Outputs of a tile along each direction.
 * @param options From which images to which, with which filters, and what follows.
 * @returns The plan.
 */
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

/**
 * Plans a gradient of the filter by tiles.
 *
 * @param backend The backend that will run it.
 * @param s Sizes of the convolution.
 * @param m Elements of a tile of the output's gradient along each direction.
 * @param isHalf Whether images that are read store float16.
 * @returns The plan.
 */
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
