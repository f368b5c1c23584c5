/** Views of images for convolutions: windows of an NHWC tensor read as rows of a matrix that is never stored. */

import type { ConvSizes } from "../../sizes.ts";
import { loadFunction, type View } from "../gemm/view.ts";
import { range } from "../wgsl/wgsl.ts";

/** The input as the forward pass multiplies it: a row per output pixel; along the sum the filter's taps and their channels. */
export function inputPatches(s: ConvSizes): View {
  const isVector = s.inChannels % 4 === 0;
  const depth = s.filterHeight * s.filterWidth * s.inChannels;
  return {
    along: "depth",
    isVector,
    code: (name) => `
struct ${name}P { base: i32, y: i32, x: i32 }
${tapStep(name, s.inChannels, s, isVector)}

fn ${name}Prepare(i: u32, batch: u32) -> ${name}P {
  let pixel = min(i, ${s.batch * s.outHeight * s.outWidth - 1}u);
  let image = pixel / ${s.outHeight * s.outWidth}u;
  let pixelOfImage = pixel % ${s.outHeight * s.outWidth}u;
  let y = i32(pixelOfImage / ${s.outWidth}u) * ${s.strideHeight} - ${s.padTop};
  let x = i32(pixelOfImage % ${s.outWidth}u) * ${s.strideWidth} - ${s.padLeft};
  let base = (i32(image) * ${s.inHeight} + y) * ${s.inWidth} + x;
  return ${name}P(base * ${s.inChannels}, y, x);
}

fn ${name}At(p: ${name}P, dy: i32, dx: i32) -> bool {
  let y = p.y + dy;
  let x = p.x + dx;
  return ${inside(s)};
}

${
      loadFunction(name, isVector, (j) => ({
        inside: `(s.k + ${j}u < ${depth}u) & ${name}At(p, s.dy${j}, s.dx${j})`,
        address:
          `u32(p.base + (s.dy${j} * ${s.inWidth} + s.dx${j}) * ${s.inChannels} + s.c${j})`,
      }))
    }`,
  };
}

/** The output's gradient as that of the input multiplies it: a row per input pixel; along the sum taps and output channels. */
export function outputPatches(s: ConvSizes): View {
  const isVector = s.outChannels % 4 === 0;
  const depth = s.filterHeight * s.filterWidth * s.outChannels;
  const onStride = (v: string, stride: number) =>
    stride === 1 ? v : `(${v}) / ${stride}`;
  const onGrid = (v: string, stride: number) =>
    stride === 1 ? "" : ` & (${v} % ${stride} == 0)`;
  return {
    along: "depth",
    isVector,
    code: (name) => `
struct ${name}P { image: i32, y: i32, x: i32 }
${tapStep(name, s.outChannels, s, isVector)}

fn ${name}Prepare(i: u32, batch: u32) -> ${name}P {
  let pixel = min(i, ${s.batch * s.inHeight * s.inWidth - 1}u);
  let image = pixel / ${s.inHeight * s.inWidth}u;
  let pixelOfImage = pixel % ${s.inHeight * s.inWidth}u;
  return ${name}P(
    i32(image) * ${s.outHeight},
    i32(pixelOfImage / ${s.inWidth}u) + ${s.padTop},
    i32(pixelOfImage % ${s.inWidth}u) + ${s.padLeft},
  );
}

fn ${name}At(p: ${name}P, dy: i32, dx: i32) -> bool {
  let y = p.y - dy;
  let x = p.x - dx;
  return (u32(y) < ${s.outHeight * s.strideHeight}u) & (u32(x) < ${
      s.outWidth * s.strideWidth
    }u)${onGrid("y", s.strideHeight)}${onGrid("x", s.strideWidth)};
}

${
      loadFunction(name, isVector, (j) => ({
        inside: `(s.k + ${j}u < ${depth}u) & ${name}At(p, s.dy${j}, s.dx${j})`,
        address: `u32(((p.image + ${
          onStride(`p.y - s.dy${j}`, s.strideHeight)
        }) * ${s.outWidth} + ${
          onStride(`p.x - s.dx${j}`, s.strideWidth)
        }) * ${s.outChannels} + s.c${j})`,
      }))
    }`,
  };
}

/** The input as the filter's gradient multiplies it: a row per weight `(tap, channel)` of one filter; along the sum output pixels. */
export function inputTaps(s: ConvSizes): View {
  const isVector = s.inChannels % 4 === 0;
  const rows = s.filterHeight * s.filterWidth * s.inChannels;
  const pixels = s.batch * s.outHeight * s.outWidth;
  const each = (write: (j: number) => string) =>
    range(isVector ? 1 : 4).map(write).join("\n");
  return {
    along: "outer",
    isVector,
    code: (name) => `
struct ${name}P {
  row: u32,
${each((j) => `  dy${j}: i32, dx${j}: i32, offset${j}: i32,`)}
}
struct ${name}S { base: i32, y: i32, x: i32, k: u32 }

fn ${name}Prepare(i: u32, batch: u32) -> ${name}P {
  var p: ${name}P;
  p.row = i;
${
      each((j) =>
        `  {
    let row = i + ${j}u;
    let tap = row / ${s.inChannels}u;
    p.dy${j} = i32(tap / ${s.filterWidth}u);
    p.dx${j} = i32(tap % ${s.filterWidth}u);
    p.offset${j} = (p.dy${j} * ${s.inWidth} + p.dx${j}) * ${s.inChannels} + i32(row % ${s.inChannels}u);
  }`
      )
    }
  return p;
}

fn ${name}Step(k: u32) -> ${name}S {
  let image = k / ${s.outHeight * s.outWidth}u;
  let pixelOfImage = k % ${s.outHeight * s.outWidth}u;
  let y = i32(pixelOfImage / ${s.outWidth}u) * ${s.strideHeight} - ${s.padTop};
  let x = i32(pixelOfImage % ${s.outWidth}u) * ${s.strideWidth} - ${s.padLeft};
  let base = ((i32(image) * ${s.inHeight} + y) * ${s.inWidth} + x) * ${s.inChannels};
  return ${name}S(base, y, x, k);
}

fn ${name}At(s: ${name}S, dy: i32, dx: i32) -> bool {
  let y = s.y + dy;
  let x = s.x + dx;
  return ${inside(s)};
}

${
      loadFunction(name, isVector, (j) => ({
        inside:
          `(s.k < ${pixels}u) & (p.row + ${j}u < ${rows}u) & ${name}At(s, p.dy${j}, p.dx${j})`,
        address: `u32(s.base + p.offset${j})`,
      }))
    }`,
  };
}

/** The step along taps and channels: the tap and the channel, once per vector or once per element. */
function tapStep(
  name: string,
  channels: number,
  s: ConvSizes,
  isVector: boolean,
): string {
  const parts = range(isVector ? 1 : 4);
  return `struct ${name}S {
  k: u32,
${parts.map((j) => `  dy${j}: i32, dx${j}: i32, c${j}: i32,`).join("\n")}
}

fn ${name}Step(k: u32) -> ${name}S {
  var s: ${name}S;
  s.k = k;
${
    parts.map((j) =>
      `  {
    let tap = (k + ${j}u) / ${channels}u;
    s.dy${j} = i32(tap / ${s.filterWidth}u);
    s.dx${j} = i32(tap % ${s.filterWidth}u);
    s.c${j} = i32((k + ${j}u) % ${channels}u);
  }`
    ).join("\n")
  }
  return s;
}`;
}

function inside({ inHeight, inWidth }: ConvSizes): string {
  return `(u32(y) < ${inHeight}u) & (u32(x) < ${inWidth}u)`;
}

/** The filter as the input's gradient multiplies it: a column per input channel; along the sum taps and output channels. */
export function filterTransposed(s: ConvSizes): View {
  const isVector = s.outChannels % 4 === 0;
  const depth = s.filterHeight * s.filterWidth * s.outChannels;
  const tapStride = s.inChannels * s.outChannels;
  return {
    along: "depth",
    isVector,
    code: (name) => `
struct ${name}P { base: u32 }
struct ${name}S { k: u32 }

fn ${name}Prepare(i: u32, batch: u32) -> ${name}P {
  return ${name}P(min(i, ${s.inChannels - 1}u) * ${s.outChannels}u);
}

fn ${name}Step(k: u32) -> ${name}S {
  return ${name}S(k);
}

fn ${name}Address(k: u32) -> u32 {
  return k / ${s.outChannels}u * ${tapStride}u + k % ${s.outChannels}u;
}

${
      loadFunction(name, isVector, (j) => ({
        inside: `s.k + ${j}u < ${depth}u`,
        address: `p.base + ${name}Address(s.k + ${j}u)`,
      }))
    }`,
  };
}
