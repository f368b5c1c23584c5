/**
 * The ceilings of this adapter. Run with `deno bench -A bench/roofline_bench.ts`.
 *
 * @module
 */

import { openDevice } from "./measure.ts";
import { registerTimings } from "./report.ts";
import { ceilings } from "./roofline.ts";

const { backend, adapter } = await openDevice();
console.error(`adapter: ${adapter}`);
const { fma, copy, products } = ceilings(backend);
await registerTimings(
  [fma, copy, ...products].map((c) => ({ ...c, group: "ceilings" })),
);
