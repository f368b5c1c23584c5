/** The host that this package runs on. */

import { deno } from "./deno.ts";
import type { Platform } from "./platform.ts";

/** The host that this package runs on. */
export const host: Platform = deno;
