/** Convolution and its gradients by native kernels. */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { ConvSizes, WindowSizes } from "../sizes.ts";
import type { Convolution, Layout, Windows } from "./library/describe.ts";
import type { OneDnn } from "./library/library.ts";
import {
  type Arrays,
  implementationOf,
  makePrimitive,
} from "./library/primitive.ts";
import {
  floatsOf,
  imageLayout,
  makeFloats,
  primitiveOf,
  rowMajor,
} from "./tensors.ts";

/** With fewer channels, tiles are mostly empty lanes. */
const MIN_TILED_CHANNELS = 16;

/** Computes `conv2d(x, filter) + bias`. */
export function nativeConv2d(
  { x, filter, bias }: {
    x: TensorInfo;
    filter: TensorInfo;
    bias?: TensorInfo;
  },
  s: ConvSizes,
): TensorInfo {
  const y = makeFloats([s.batch, s.outHeight, s.outWidth, s.outChannels]);
  run(s, undefined, {
    x: floatsOf(x),
    kernel: floatsOf(filter),
    ...bias && { bias: floatsOf(bias) },
    y: y.values,
  });
  return y.info;
}

/** Gradient of a convolution by its input. */
export function nativeConv2dInputGradient(
  { dy, filter }: { dy: TensorInfo; filter: TensorInfo },
  s: ConvSizes,
): TensorInfo {
  const dx = makeFloats([s.batch, s.inHeight, s.inWidth, s.inChannels]);
  const [gradient, kernel] = [dy, filter].map(floatsOf);
  run(s, "input", { dy: gradient, kernel, dx: dx.values });
  return dx.info;
}

/** Gradients of a convolution by its filter and by the bias that is added to it. */
export function nativeConv2dFilterGradient(
  { x, dy }: { x: TensorInfo; dy: TensorInfo },
  s: ConvSizes,
): { filter: TensorInfo; bias: TensorInfo } {
  const shape = [s.filterHeight, s.filterWidth, s.inChannels, s.outChannels];
  const filter = makeFloats(shape);
  const bias = makeFloats([s.outChannels]);
  run(s, "kernel", {
    x: floatsOf(x),
    dy: floatsOf(dy),
    dKernel: filter.values,
    dBias: bias.values,
  });
  return { filter: filter.info, bias: bias.info };
}

function run(
  s: ConvSizes,
  gradient: Convolution["gradient"],
  arrays: Arrays,
): void {
  const names = Object.keys(arrays);
  primitiveOf(`conv2d,${names},${Object.values(s)}`, (library) => {
    const { batch, inChannels, outChannels } = s;
    const x = imageLayout([batch, s.inHeight, s.inWidth, inChannels]);
    const y = imageLayout([batch, s.outHeight, s.outWidth, outChannels]);
    const kernel = filterLayout(s);
    const bias = rowMajor([outChannels]);
    const ofGradients = { dx: x, dKernel: kernel, dBias: bias, dy: y };
    const layouts = { x, kernel, bias, y, ...ofGradients };
    const direct: Convolution = {
      kind: "convolution",
      by: "direct",
      gradient,
      x,
      kernel: isRepackable(s) ? any(kernel) : kernel,
      bias: arrays.bias || arrays.dBias ? bias : undefined,
      y,
      windows: windowsOf(s, [s.filterHeight, s.filterWidth]),
    };
    return makePrimitive(
      library,
      byTiles(library, direct) ?? direct,
      Object.fromEntries(
        Object.entries(layouts).filter(([name]) => names.includes(name)),
      ),
    );
  }).run(arrays);
}

/** The layout that the library likes best. */
function any(layout: Layout): Layout {
  return { ...layout, strides: "any" };
}

/**
 * The same convolution by tiles, as Winograd's (Lavin and Gray, 2016), where the library thinks that faster: version 2 does
 * for 3x3 and many channels, and it is, two to three times; version 3 has none.
 */
function byTiles(
  library: OneDnn,
  direct: Convolution,
): Convolution | undefined {
  const { dims, strides } = direct.kernel;
  const [outChannels, inChannels, ...size] = dims;
  const isCandidate = `${size};${direct.windows.strides}` === "3,3;1,1" &&
    Math.min(outChannels, inChannels) >= MIN_TILED_CHANNELS;
  if (!isCandidate || strides !== "any") return;
  const [x, y] = [direct.x, direct.y].map(any);
  const tiled: Convolution = { ...direct, by: "any", x, y };
  return implementationOf(library, tiled).includes("wino") ? tiled : undefined;
}

/** How windows lie, as the library describes it. */
export function windowsOf(
  s: WindowSizes,
  size: readonly [number, number],
): Windows {
  const strides = [s.strideHeight, s.strideWidth];
  const padBefore = [s.padTop, s.padLeft];
  const padAfter = [0, 1].map((d) => Math.max(0, -left(s, size, d)));
  return { strides, padBefore, padAfter };
}

/**
 * Whether windows are such as the library takes: as many as there is room for, none of them in padding alone. Where `pad` is a
 * number and windows are not square, TensorFlow.js has more or fewer in a row, as it counts them like those in a column. Of
 * windows in padding alone there is no largest value, and convolutions of version 3 crash the process with some.
 */
export function areWindowsUsual(
  s: WindowSizes,
  size: readonly [number, number],
): boolean {
  const { strides, padBefore, padAfter } = windowsOf(s, size);
  return size.every((n, d) =>
    left(s, size, d) < strides[d] && padBefore[d] < n && padAfter[d] < n
  );
}

/** How much of the input is behind the last window, in a column or in a row; below 0 where the window goes beyond. */
function left(
  s: WindowSizes,
  size: readonly [number, number],
  d: number,
): number {
  const [inSize, outSize, stride, padding] = [
    [s.inHeight, s.outHeight, s.strideHeight, s.padTop],
    [s.inWidth, s.outWidth, s.strideWidth, s.padLeft],
  ][d];
  return inSize + padding - (outSize - 1) * stride - size[d];
}

/**
 * Whether the library may have kernels in the layout that it likes best. Version 3.7.2, Debian 13's, puts some that have one
 * channel on both sides there wrongly, and writes beyond its memory in the filter gradient of 1x1 kernels with strides.
 */
function isRepackable(s: ConvSizes): boolean {
  const hasStrides = s.strideHeight * s.strideWidth > 1;
  return s.inChannels * s.outChannels > 1 &&
    !(s.filterHeight * s.filterWidth === 1 && hasStrides);
}

/** HWIO, as the library names dimensions: out, in, height, width. */
function filterLayout(s: ConvSizes): Layout {
  const { filterHeight, filterWidth, inChannels, outChannels } = s;
  const row = filterWidth * inChannels * outChannels;
  return {
    dims: [outChannels, inChannels, filterHeight, filterWidth],
    strides: [1, outChannels, row, inChannels * outChannels],
  };
}
