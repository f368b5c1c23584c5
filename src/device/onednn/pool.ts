/**
 * Pooling and its gradient by native kernels.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { FusedPool } from "../device.ts";
import { poolInputShape, poolOutputShape, type PoolSizes } from "../sizes.ts";
import { windowsOf } from "./conv2d.ts";
import { makePrimitive, type Primitive } from "./library/primitive.ts";
import {
  cpuBackend,
  floatsOf,
  free,
  imageLayout,
  makeBytes,
  makeFloats,
  primitiveOf,
} from "./tensors.ts";

/**
 * Largest value, or mean, of each window, and of max pooling, as bytes for {@linkcode nativePoolGradient} alone, where the
 * largest were. Of equal ones the first is the largest, and NaN is ignored; where all are -Infinity, the largest is the least
 * finite number.
 */
export function nativePool(
  x: TensorInfo,
  kind: FusedPool["kind"],
  s: PoolSizes,
): { pooled: TensorInfo; places?: TensorInfo } {
  const primitive = poolPrimitive(kind, s, false);
  const pooled = makeFloats(poolOutputShape(s));
  const places = kind === "max" ? makeBytes(primitive.placesBytes) : undefined;
  primitive.run({
    x: floatsOf(x),
    y: pooled.values,
    places: places?.values,
  });
  return { pooled: pooled.info, places: places?.info };
}

/** Puts NaN where a window has one, which max pooling ignores. */
export function keepNaN(
  pooled: TensorInfo,
  x: TensorInfo,
  s: PoolSizes,
): void {
  const { pooled: means } = nativePool(x, "average", s);
  const values = floatsOf(pooled);
  floatsOf(means).forEach((mean, i) => {
    if (Number.isNaN(mean)) values[i] = NaN;
  });
  free(means);
}

/** Gradient of a pooling by its input: of max pooling where `places` is given. */
export function nativePoolGradient(
  { dy, places }: { dy: TensorInfo; places?: TensorInfo },
  s: PoolSizes,
): TensorInfo {
  const kind = places === undefined ? "average" : "max";
  const primitive = poolPrimitive(kind, s, true);
  const dx = makeFloats(poolInputShape(s));
  primitive.run({
    dy: floatsOf(dy),
    places: places && cpuBackend().data.get(places.dataId).values as Uint8Array,
    dx: dx.values,
  });
  return dx.info;
}

function poolPrimitive(
  kind: FusedPool["kind"],
  s: PoolSizes,
  isGradient: boolean,
): Primitive {
  const key = `pool,${kind},${isGradient},${Object.values(s)}`;
  return primitiveOf(key, (library) => {
    const x = imageLayout(poolInputShape(s));
    const y = imageLayout(poolOutputShape(s));
    const size = [s.windowHeight, s.windowWidth] as const;
    const places = kind === "max" ? { places: "bytes" as const } : {};
    return makePrimitive(library, {
      kind: "pooling",
      gradient: isGradient || undefined,
      takes: kind,
      x,
      y,
      size,
      windows: windowsOf(s, size),
    }, isGradient ? { dy: y, ...places, dx: x } : { x, y, ...places });
  });
}
