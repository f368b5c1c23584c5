/** Pooling and its gradient by native kernels. */

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

/** Where oneDNN begins to look for the largest: in a window of -Infinity it finds none. */
const LEAST_FINITE = -(2 - 2 ** -23) * 2 ** 127;

/** The float32 above it. */
const NEXT_FINITE = -(2 - 2 ** -22) * 2 ** 127;

/**
 * Largest value, or mean, of each window, and of max pooling, as bytes for {@linkcode nativePoolGradient} alone, where the
 * largest were. Of equal ones the first is the largest, and NaN is ignored. Where `isPositive` says that no value is below 0, none
 * is looked for that is -Infinity.
 */
export function nativePool(
  x: TensorInfo,
  kind: FusedPool["kind"],
  s: PoolSizes,
  { isPositive = false }: { isPositive?: boolean } = {},
): { pooled: TensorInfo; places?: TensorInfo } {
  const primitive = poolPrimitive(kind, s, false);
  const pooled = makeFloats(poolOutputShape(s));
  const y = pooled.values;
  const places = kind === "max" ? makeBytes(primitive.placesBytes) : undefined;
  primitive.run({ x: floatsOf(x), y, places: places?.values });
  const mayMiss = kind === "max" && !isPositive && y.includes(LEAST_FINITE);
  if (mayMiss && floatsOf(x).includes(-Infinity)) {
    // Again, with a number that oneDNN does find. It is looked for only now, as there are far fewer results than values.
    const found = makeFloats(x.shape);
    floatsOf(x).forEach((value, i) =>
      found.values[i] = value === -Infinity ? NEXT_FINITE : value
    );
    primitive.run({ x: found.values, y, places: places?.values });
    free(found.info);
    y.forEach((value, i) => {
      if (value === NEXT_FINITE) y[i] = -Infinity;
    });
  }
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
