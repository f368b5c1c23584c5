/**
 * The counter-based random numbers of `random.ts` in WGSL: the same numbers on every device.
 *
 * @module
 */

import type { RandomKey } from "../../device.ts";
import { PARITY, ROTATIONS } from "../../../random.ts";
import { makeFilled } from "../run/dispatch.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

/** Puts a key on the device. */
export function makeRandomKey(
  backend: WebGPUBackend,
  key: RandomKey,
): TensorInfo {
  const { seed, stream, step = 0, offset = 0 } = key;
  const words = Uint32Array.of(seed, stream, step, offset);
  return makeFilled(backend, words);
}

/**
 * Writes the function `uniformBits(i)`: the 24 random bits of which `uniforms` makes number `i` of a sequence, by
 * Threefry-2x32 with 20 rounds (Salmon et al., SC 2011).
 */
export function uniformFunction(key: string): string {
  const rounds = [0, 1, 2, 3, 4].flatMap((group) => [
    ...ROTATIONS.slice((group & 1) * 4, (group & 1) * 4 + 4).map((r) =>
      `x.x = x.x + x.y; x.y = ((x.y << ${r}u) | (x.y >> ${32 - r}u)) ^ x.x;`
    ),
    `x = x + vec2u(keys[${(group + 1) % 3}], keys[${(group + 2) % 3}] + ${
      group + 1
    }u);`,
  ]);
  return `
fn uniformBits(i: u32) -> u32 {
  let position = ${key}[3] + i;
  let keys = array<u32, 3>(${key}[0], ${key}[1], ${PARITY}u ^ ${key}[0] ^ ${key}[1]);
  var x = vec2u(position / 2u, ${key}[2]) + vec2u(keys[0], keys[1]);
${rounds.map((line) => `  ${line}`).join("\n")}
  return select(x.x, x.y, position % 2u == 1u) >> 8u;
}
`;
}
