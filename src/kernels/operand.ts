/**
 * How kernels read their operands in WGSL: from the tensors' buffers or from textures that they are copied to first.
 *
 * llvmpipe loads a vector for 8 lanes from a texture about 20 times as fast as from a buffer, and copies from buffer to
 * texture at the speed of memory (docs/performance.md). GPUs read buffers.
 *
 * @module
 */

/** Where a kernel reads its operands from. */
export type Source = "buffers" | "textures";

/** Numbers of an element: those of a vector, or one. */
export type Width = 1 | 4;

/** Elements in a row of a texture: a row of either width has a multiple of 256 bytes, as copying to it asks for. */
export const TEXTURE_WIDTH = 4096;

/**
 * Declares an operand and the function `${name}Read(i)`, which gives element `i`.
 *
 * @param name Name of the operand.
 * @param options Number of its binding, numbers per element, and where it is read from.
 * @returns WGSL.
 */
export function declareOperand(
  name: string,
  options: {
    binding: number;
    width: Width;
    source: Source;
    /** Type of the numbers. Default f32. */
    type?: "f32" | "i32";
  },
): string {
  const { binding, width, source, type: number = "f32" } = options;
  const type = width === 4 ? `vec4<${number}>` : number;
  if (source === "buffers") {
    return `@group(0) @binding(${binding}) var<storage, read> ${name}: array<${type}>;

fn ${name}Read(i: u32) -> ${type} {
  return ${name}[i];
}`;
  }
  return `@group(0) @binding(${binding}) var ${name}: texture_storage_2d<${
    textureFormat(width)
  }, read>;

fn ${name}Read(i: u32) -> ${type} {
  return bitcast<${type}>(textureLoad(${name}, vec2u(i % ${TEXTURE_WIDTH}u, i / ${TEXTURE_WIDTH}u))${
    width === 4 ? "" : ".x"
  });
}`;
}

/**
 * The format of a texture.
 *
 * @param width Numbers per element.
 * @returns Its format: of 32-bit floats.
 */
export function textureFormat(width: Width): "rgba32float" | "r32float" {
  return width === 4 ? "rgba32float" : "r32float";
}
