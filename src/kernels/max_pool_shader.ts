/**
 * The shaders of max pooling and its gradient.
 *
 * @module
 */

import { gridOf, indexOf } from "./elementwise.ts";
import type { Shader } from "./gemm_plan.ts";

/** Sizes of a pooling. */
export interface PoolSizes {
  readonly batch: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly channels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly windowHeight: number;
  readonly windowWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly padTop: number;
  readonly padLeft: number;
}

/**
 * Writes the shader of the pooling: one invocation per output and, where channels come in fours, per four of them.
 * Bindings: first result, `x`, second result.
 *
 * @param s Sizes of the pooling.
 * @param results What to store of each window.
 * @returns The shader.
 */
export function poolShader(
  s: PoolSizes,
  results: readonly ("value" | "place")[],
): Shader {
  const width = s.channels % 4 === 0 ? 4 : 1;
  const [float, int] = width === 4 ? ["vec4f", "vec4i"] : ["f32", "i32"];
  const typeOf = (result: "value" | "place") =>
    result === "value" ? float : int;
  const [first, second] = results;
  return _shader(
    s.batch * s.outHeight * s.outWidth * s.channels / width,
    `
@group(0) @binding(0) var<storage, read_write> output: array<${typeOf(first)}>;
@group(0) @binding(1) var<storage, read> x: array<${float}>;
${_isNanFunction(width)}
${
      second === undefined
        ? ""
        : `@group(0) @binding(2) var<storage, read_write> output2: array<${
          typeOf(second)
        }>;`
    }
`,
    `
  let channel = i % ${s.channels / width}u;
  let pixel = i / ${s.channels / width}u;
  let column = i32(pixel % ${s.outWidth}u) * ${s.strideWidth} - ${s.padLeft};
  let row = i32(pixel / ${s.outWidth}u % ${s.outHeight}u) * ${s.strideHeight} - ${s.padTop};
  let image = i32(pixel / ${s.outHeight * s.outWidth}u);
  var best = ${float}(-3.4028234e38);
  var place = ${int}(-1);
  for (var dy = 0; dy < ${s.windowHeight}; dy = dy + 1) {
    let y = row + dy;
    if (y < 0 || y >= ${s.inHeight}) {
      continue;
    }
    for (var dx = 0; dx < ${s.windowWidth}; dx = dx + 1) {
      let x0 = column + dx;
      if (x0 < 0 || x0 >= ${s.inWidth}) {
        continue;
      }
      let at = (image * ${s.inHeight} + y) * ${s.inWidth} + x0;
      let value = x[u32(at) * ${s.channels / width}u + channel];
      // The first of the window also where it is -infinity; NaN is larger than all.
      let isNew = (value > best) | (place < ${int}(0)) | (isNan(value) & !isNan(best));
      best = select(best, value, isNew);
      place = select(place, ${int}(y * ${s.inWidth} + x0), isNew);
    }
  }
  output[i] = ${first === "value" ? "best" : "place"};${
      second === undefined ? "" : "\n  output2[i] = place;"
    }`,
  );
}

/** By its bits, as compilers may take `v != v` for false. */
function _isNanFunction(width: 1 | 4): string {
  const [float, unsigned, bool] = width === 4
    ? ["vec4f", "vec4u", "vec4<bool>"]
    : ["f32", "u32", "bool"];
  return `
fn isNan(v: ${float}) -> ${bool} {
  return (bitcast<${unsigned}>(v) & ${unsigned}(0x7fffffffu)) > ${unsigned}(0x7f800000u);
}`;
}

/**
 * Writes the shader of the gradient: one invocation per input (and per four channels), which adds up the windows over it
 * whose largest value it is. Bindings: `dx`, places, `dy`.
 *
 * @param s Sizes of the pooling.
 * @returns The shader.
 */
export function gradientShader(s: PoolSizes): Shader {
  const width = s.channels % 4 === 0 ? 4 : 1;
  const [float, int] = width === 4 ? ["vec4f", "vec4i"] : ["f32", "i32"];
  return _shader(
    s.batch * s.inHeight * s.inWidth * s.channels / width,
    `
@group(0) @binding(0) var<storage, read_write> output: array<${float}>;
@group(0) @binding(1) var<storage, read> places: array<${int}>;
@group(0) @binding(2) var<storage, read> dy: array<${float}>;
`,
    `
  let channel = i % ${s.channels / width}u;
  let pixel = i / ${s.channels / width}u;
  let column = i32(pixel % ${s.inWidth}u);
  let row = i32(pixel / ${s.inWidth}u % ${s.inHeight}u);
  let image = i32(pixel / ${s.inHeight * s.inWidth}u);
  let place = row * ${s.inWidth} + column;
  // The windows that cover this pixel.
  let lastY = min((row + ${s.padTop}) / ${s.strideHeight}, ${s.outHeight - 1});
  let lastX = min((column + ${s.padLeft}) / ${s.strideWidth}, ${
      s.outWidth - 1
    });
  let firstY = max((row + ${s.padTop} - ${s.windowHeight} + ${s.strideHeight}) / ${s.strideHeight}, 0);
  let firstX = max((column + ${s.padLeft} - ${s.windowWidth} + ${s.strideWidth}) / ${s.strideWidth}, 0);
  var sum = ${float}();
  for (var y = firstY; y <= lastY; y = y + 1) {
    for (var x = firstX; x <= lastX; x = x + 1) {
      let at = u32((image * ${s.outHeight} + y) * ${s.outWidth} + x) * ${
      s.channels / width
    }u + channel;
      sum = sum + select(${float}(), dy[at], places[at] == ${int}(place));
    }
  }
  output[i] = sum;`,
  );
}

function _shader(count: number, bindings: string, body: string): Shader {
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
