/**
 * How kernels read their operands and write their results in WGSL, whatever the tensors store. Kernels compute with f32, also
 * where a tensor stores float16. They read its buffer, or a texture that the buffer was copied to first.
 *
 * llvmpipe loads a vector for 8 lanes from a texture about 20 times as fast as from a buffer, and copies from buffer to
 * texture at the speed of memory (docs/performance.md). GPUs read buffers.
 */

/** Where a kernel reads its operands from. */
export type Source = "buffers" | "textures";

/** Numbers per element: an element is a scalar or a vector. */
export type Width = 1 | 4;

/** Elements in a row of a texture. Rows of either width have a multiple of 256 bytes, which copying to them requires. */
export const TEXTURE_WIDTH = 4096;

/**
 * Declares an operand and the function `${name}Read(i)`, which gives element `i`, by a line that {@linkcode completeShader}
 * replaces.
 */
export function declareOperand(
  name: string,
  options: {
    binding: number;
    width: Width;
    source: Source;
    /** Type of the numbers. Default f32, which float16 is read as. */
    type?: "f32" | "i32";
  },
): string {
  const { binding, width, source, type = "f32" } = options;
  return `#operand ${name} ${binding} ${width} ${source} ${type}`;
}

/** Declares a result and the functions `${name}Write(i, value)`, which stores element `i`, and `${name}Read(i)`, likewise. */
export function declareResult(
  name: string,
  { binding, width }: { binding: number; width: Width },
): string {
  return `#result ${name} ${binding} ${width}`;
}

/** A shader that can be compiled. */
export interface CompleteShader {
  readonly code: string;
  /** Numbers per element of each binding that is a texture. */
  readonly textures: Readonly<Record<number, Width>>;
}

/** Completes a shader. If bit `i` of `halves` is set, the tensor of binding `i` stores float16. */
export function completeShader(shader: string, halves: number): CompleteShader {
  const textures: Record<number, Width> = {};
  let left = halves;
  const code = shader.replace(
    /^ *#(operand|result) (\w+) (\d+) ([14])(?: (\w+) ([fi]32))?$/gm,
    (_, kind, name, number, numbers, source, type = "f32") => {
      const binding = Number(number);
      const width = Number(numbers) as Width;
      const isHalf = (halves >> binding & 1) === 1;
      left &= ~(1 << binding);
      const declared = { name, binding, width, type, isHalf };
      if (kind === "result") return resultOf(declared);
      // There are no textures of single float16 numbers to read.
      if (source !== "textures" || (isHalf && width === 1)) {
        return bufferOperand(declared);
      }
      textures[binding] = width;
      return textureOperand(declared);
    },
  );
  if (left !== 0) throw new Error(`bindings of float16: ${left} undeclared`);
  return { code: halves === 0 ? code : `enable f16;\n${code}`, textures };
}

export function textureFormat(width: Width, isHalf: boolean): GPUTextureFormat {
  if (width === 1) return "r32float";
  return isHalf ? "rgba16float" : "rgba32float";
}

/** A binding as it was declared, and whether its tensor stores float16. */
interface Declared {
  readonly name: string;
  readonly binding: number;
  readonly width: Width;
  readonly type: "f32" | "i32";
  readonly isHalf: boolean;
}

function typeOf({ width, type }: Declared): string {
  return width === 4 ? `vec4<${type}>` : type;
}

/** The type of an element in memory. */
function storedTypeOf(declared: Declared): string {
  if (!declared.isHalf) return typeOf(declared);
  return declared.width === 4 ? "vec4<f16>" : "f16";
}

function bufferOperand(declared: Declared): string {
  const { name, binding } = declared;
  return `@group(0) @binding(${binding}) var<storage, read> ${name}: array<${
    storedTypeOf(declared)
  }>;
${readFunction(declared)}`;
}

function textureOperand(declared: Declared): string {
  const { name, binding, width, isHalf } = declared;
  const type = typeOf(declared);
  return `@group(0) @binding(${binding}) var ${name}: texture_storage_2d<${
    textureFormat(width, isHalf)
  }, read>;

fn ${name}Read(i: u32) -> ${type} {
  return bitcast<${type}>(textureLoad(${name}, vec2u(i % ${TEXTURE_WIDTH}u, i / ${TEXTURE_WIDTH}u))${
    width === 4 ? "" : ".x"
  });
}`;
}

function resultOf(declared: Declared): string {
  const { name, binding, isHalf } = declared;
  const stored = storedTypeOf(declared);
  return `@group(0) @binding(${binding}) var<storage, read_write> ${name}: array<${stored}>;
${readFunction(declared)}

fn ${name}Write(i: u32, value: ${typeOf(declared)}) {
  ${name}[i] = ${isHalf ? `${stored}(value)` : "value"};
}`;
}

function readFunction(declared: Declared): string {
  const { name, isHalf } = declared;
  const type = typeOf(declared);
  return `
fn ${name}Read(i: u32) -> ${type} {
  return ${isHalf ? `${type}(${name}[i])` : `${name}[i]`};
}`;
}
