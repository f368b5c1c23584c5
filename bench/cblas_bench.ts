/**
 * What a BLAS library on the CPU takes for the products of matrices that AlexNet's training step comes to where convolutions
 * are computed by im2col, batch 128: a lower bound of such a step, as neither im2col and col2im nor pooling, dropout and SGD
 * are in it. Run with `deno bench -A bench/cblas_bench.ts`; CBLAS_LIBRARY names another library than OpenBLAS.
 *
 * @module
 */

import { alexnetProducts, type Product } from "./alexnet_products.ts";
import { type Blas, openBlas } from "./cblas.ts";
import { type HostTiming, registerHostTimings } from "./host_timings.ts";

const BATCH = 128;

const blas = openBlas();
if (typeof blas === "string") console.error(blas);
else register(blas);

function register(blas: Blas): void {
  const products = alexnetProducts(BATCH);
  // Shared by all, as only their sizes matter.
  const a = operand(products.map(({ rows, depth }) => rows * depth));
  const b = operand(products.map(({ depth, columns }) => depth * columns));
  const c = operand(products.map(({ rows, columns }) => rows * columns));
  const timings = products.map((product): HostTiming => ({
    ...{ name: product.name, gflop: product.gflop },
    ...{ group: product.layer.name, sizes: formatSizes(product) },
    run() {
      for (let part = 0; part < product.parts; part++) {
        const accumulate = product.isSum && part > 0;
        blas.product({ a, b, c }, { ...product, accumulate });
      }
    },
  }));
  registerHostTimings(blas.name, timings, BATCH);
}

function formatSizes({ rows, columns, depth, parts }: Product): string {
  const sizes = `${rows}x${depth} by ${depth}x${columns}`;
  return parts > 1 ? `${parts} times ${sizes}` : sizes;
}

function operand(sizes: readonly number[]): Float32Array<ArrayBuffer> {
  return new Float32Array(Math.max(...sizes)).map(() => Math.random() - 0.5);
}
