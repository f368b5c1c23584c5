/**
 * What the shaders of pooling have in common: walks over windows, one invocation per element and, where channels come
 * in fours, per four of them.
 *
 * @module
 */

import type { PoolSizes } from "../../sizes.ts";
import { gridOf, indexOf, type Shader } from "../wgsl/wgsl.ts";
import type { Width } from "../wgsl/operand.ts";

/** Types of one element in WGSL: scalars, or vectors of four channels. */
export interface PoolTypes {
  readonly float: "f32" | "vec4f";
  readonly int: "i32" | "vec4i";
  readonly unsigned: "u32" | "vec4u";
  readonly bool: "bool" | "vec4<bool>";
}

/** Chooses the types of a pooling. */
export function poolTypes(s: PoolSizes): PoolTypes {
  return s.channels % 4 === 0
    ? { float: "vec4f", int: "vec4i", unsigned: "vec4u", bool: "vec4<bool>" }
    : { float: "f32", int: "i32", unsigned: "u32", bool: "bool" };
}

/** Numbers per element. */
export function poolWidth({ channels }: PoolSizes): Width {
  return channels % 4 === 0 ? 4 : 1;
}

/** Elements per pixel. */
function acrossOf(s: PoolSizes): number {
  return s.channels / poolWidth(s);
}

/** What a shader of pooling consists of, in WGSL. */
export interface PoolParts {
  readonly bindings: string;
  /** Before the walk. */
  readonly before: string;
  /** At each step of the walk. */
  readonly each: string;
  /** After the walk. */
  readonly after: string;
}

/** Writes a shader with one invocation per output `i`, which walks over its window. */
export function windowShader(
  s: PoolSizes,
  parts: PoolParts,
): Shader {
  const across = acrossOf(s);
  return shader(
    s.batch * s.outHeight * s.outWidth * across,
    parts,
    `
  let channel = i % ${across}u;
  let pixel = i / ${across}u;
  let column = i32(pixel % ${s.outWidth}u) * ${s.strideWidth} - ${s.padLeft};
  let row = i32(pixel / ${s.outWidth}u % ${s.outHeight}u) * ${s.strideHeight} - ${s.padTop};
  let image = i32(pixel / ${s.outHeight * s.outWidth}u);
  let firstY = max(row, 0);
  let firstX = max(column, 0);
  let endY = min(row + ${s.windowHeight}, ${s.inHeight});
  let endX = min(column + ${s.windowWidth}, ${s.inWidth});
  let count = (endY - firstY) * (endX - firstX);
  ${parts.before}
  for (var y = firstY; y < endY; y = y + 1) {
    for (var x0 = firstX; x0 < endX; x0 = x0 + 1) {
      let place = y * ${s.inWidth} + x0;
      let at = u32(image * ${
      s.inHeight * s.inWidth
    } + place) * ${across}u + channel;
      ${parts.each}
    }
  }
  ${parts.after}`,
  );
}

/**
 * Writes a shader with one invocation per input `i`, at `place` in its image, which walks over the windows that cover it.
 */
export function coverShader(
  s: PoolSizes,
  parts: PoolParts,
): Shader {
  const across = acrossOf(s);
  return shader(
    s.batch * s.inHeight * s.inWidth * across,
    parts,
    `
  let channel = i % ${across}u;
  let pixel = i / ${across}u;
  let column = i32(pixel % ${s.inWidth}u);
  let row = i32(pixel / ${s.inWidth}u % ${s.inHeight}u);
  let image = i32(pixel / ${s.inHeight * s.inWidth}u);
  let place = row * ${s.inWidth} + column;
  let lastY = min((row + ${s.padTop}) / ${s.strideHeight}, ${s.outHeight - 1});
  let lastX = min((column + ${s.padLeft}) / ${s.strideWidth}, ${
      s.outWidth - 1
    });
  let firstY = max((row + ${s.padTop} - ${s.windowHeight} + ${s.strideHeight}) / ${s.strideHeight}, 0);
  let firstX = max((column + ${s.padLeft} - ${s.windowWidth} + ${s.strideWidth}) / ${s.strideWidth}, 0);
  ${parts.before}
  for (var y = firstY; y <= lastY; y = y + 1) {
    for (var x = firstX; x <= lastX; x = x + 1) {
      let at = u32((image * ${s.outHeight} + y) * ${s.outWidth} + x) * ${across}u + channel;
      ${parts.each}
    }
  }
  ${parts.after}`,
  );
}

/** Names a pooling. */
export function poolKey(operation: string, s: PoolSizes): string {
  return [
    operation,
    s.batch,
    s.inHeight,
    s.inWidth,
    s.channels,
    s.outHeight,
    s.outWidth,
    s.windowHeight,
    s.windowWidth,
    s.strideHeight,
    s.strideWidth,
    s.padTop,
    s.padLeft,
  ].join(",");
}

function shader(
  count: number,
  { bindings }: PoolParts,
  body: string,
): Shader {
  const workgroups = gridOf(count);
  return {
    code: `${bindings}
${indexOf(count, workgroups)}
${body}
}
`,
    workgroups,
  };
}
