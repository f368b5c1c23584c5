/** How kernels of TensorFlow.js are replaced by ours, and which of their calls ours take. */

import type {
  KernelFunc,
  NamedAttrMap,
  TensorInfo,
} from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { BackendError } from "../../errors.ts";
import type { FusedActivation } from "../device.ts";
import {
  type ConvSizes,
  convSizes,
  poolOutputShape,
  type PoolSizes,
  poolSizes,
} from "../sizes.ts";
import { tf } from "../tf.ts";
import type { CpuBackend } from "../tfjs/cpu_backend.ts";
import type { MatmulSizes } from "../webgpu/gemm/product.ts";
import { storedType } from "../webgpu/run/recorder.ts";

type AnyBackend = WebGPUBackend | CpuBackend;

/** A call of a kernel, with inputs and attributes by the names that TensorFlow.js gives them. */
interface KernelCall<Backend = AnyBackend> {
  readonly backend: Backend;
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly attrs: NamedAttrMap;
}

/** A kernel of ours, which returns `undefined` for a call that it leaves to TensorFlow.js. */
export type DropIn<Backend> = (
  call: KernelCall<Backend>,
) => TensorInfo | undefined;

/** What a fused kernel does after its sum. */
interface Fused {
  /** One value per column or output channel. */
  readonly bias?: TensorInfo;
  readonly activation?: FusedActivation;
}

/** The operations on float32 that a backend computes, of which each returns `undefined` for sizes that it does not take. */
export interface Operations<Backend> {
  conv2d(
    backend: Backend,
    tensors: { x: TensorInfo; filter: TensorInfo } & Fused,
    sizes: ConvSizes,
  ): TensorInfo | undefined;
  conv2dInputGradient(
    backend: Backend,
    tensors: { dy: TensorInfo; filter: TensorInfo },
    sizes: ConvSizes,
  ): TensorInfo | undefined;
  conv2dFilterGradient(
    backend: Backend,
    tensors: { x: TensorInfo; dy: TensorInfo },
    sizes: ConvSizes,
  ): TensorInfo | undefined;
  matmul(
    backend: Backend,
    tensors:
      & { a: TensorInfo; b: TensorInfo; outputShape: readonly number[] }
      & Fused,
    sizes: MatmulSizes,
  ): TensorInfo | undefined;
  maxPool(
    backend: Backend,
    x: TensorInfo,
    sizes: PoolSizes,
  ): TensorInfo | undefined;
  maxPoolGradient(
    backend: Backend,
    tensors: { dy: TensorInfo; x: TensorInfo },
    sizes: PoolSizes,
  ): TensorInfo | undefined;
}

/** The kernels that compute with given operations, by TensorFlow.js's names. */
export function dropInsOf<Backend extends AnyBackend>(
  operations: Operations<Backend>,
): Record<string, DropIn<Backend>> {
  const conv2d: DropIn<Backend> = (call) => {
    const { backend, inputs: { x, filter }, attrs } = call;
    const sizes = convSizesOf(attrs, x.shape, filter.shape);
    if (sizes === undefined || !areFloats(backend, x, filter)) return;
    const fused = fusedOf(call, sizes.outChannels);
    return fused && operations.conv2d(backend, { x, filter, ...fused }, sizes);
  };
  const matmul: DropIn<Backend> = (call) => {
    const { backend, inputs: { a, b } } = call;
    const sizes = matmulSizesOf(call);
    if (sizes === undefined) return;
    const fused = fusedOf(call, sizes.columns);
    if (fused === undefined) return;
    const outputShape = [
      ...tf.broadcast_util.assertAndGetBroadcastShape(
        a.shape.slice(0, -2),
        b.shape.slice(0, -2),
      ),
      sizes.rows,
      sizes.columns,
    ];
    return operations.matmul(backend, { a, b, outputShape, ...fused }, sizes);
  };
  return {
    Conv2D: conv2d,
    FusedConv2D: conv2d,
    Conv2DBackpropInput: ({ backend, inputs: { dy, filter }, attrs }) => {
      const inShape = attrs.inputShape as number[];
      const sizes = convSizesOf(attrs, inShape, filter.shape);
      if (sizes === undefined || !areFloats(backend, dy, filter)) return;
      if (!isOutput(dy, sizes)) return;
      return operations.conv2dInputGradient(backend, { dy, filter }, sizes);
    },
    Conv2DBackpropFilter: ({ backend, inputs: { x, dy }, attrs }) => {
      const sizes = convSizesOf(attrs, x.shape, attrs.filterShape as number[]);
      if (sizes === undefined || !areFloats(backend, x, dy)) return;
      if (!isOutput(dy, sizes)) return;
      return operations.conv2dFilterGradient(backend, { x, dy }, sizes);
    },
    BatchMatMul: matmul,
    _FusedMatMul: matmul,
    MaxPool: ({ backend, inputs: { x }, attrs }) => {
      const sizes = poolSizesOf(backend, x, attrs);
      return sizes && operations.maxPool(backend, x, sizes);
    },
    MaxPoolGrad: ({ backend, inputs: { dy, input: x }, attrs }) => {
      const sizes = poolSizesOf(backend, x, attrs);
      if (sizes === undefined || !areFloats(backend, dy)) return;
      if (`${dy.shape}` !== `${poolOutputShape(sizes)}`) return;
      return operations.maxPoolGradient(backend, { dy, x }, sizes);
    },
  };
}

/** Sizes of a convolution, if it is one that our kernels cover: channels last and not dilated. */
function convSizesOf(
  { strides, pad, dataFormat, dilations, dimRoundingMode }: NamedAttrMap,
  inShape: readonly number[],
  filterShape: readonly number[],
): ConvSizes | undefined {
  const isDilated = [dilations ?? 1].flat().some((d) => d !== 1);
  if (isDilated || dataFormat === "NCHW") return;
  const sizes = convSizes({
    inShape,
    filterShape,
    strides: strides as number,
    pad: pad as number,
    dimRoundingMode,
  });
  return sizes.outHeight > 0 && sizes.outWidth > 0 ? sizes : undefined;
}

/** Whether a gradient has the shape of the output; that of a transposed convolution to a given shape need not. */
function isOutput({ shape }: TensorInfo, s: ConvSizes): boolean {
  return `${shape}` ===
    `${[s.batch, s.outHeight, s.outWidth, s.outChannels]}`;
}

/** Sizes of a product, if it is one that our kernels cover: not empty, and with equal batches or one of a single matrix. */
function matmulSizesOf(
  { backend, inputs: { a, b }, attrs }: KernelCall,
): MatmulSizes | undefined {
  const transposeA = Boolean(attrs.transposeA);
  const transposeB = Boolean(attrs.transposeB);
  const [a0, a1] = a.shape.slice(-2);
  const [b0, b1] = b.shape.slice(-2);
  const [rows, depth] = transposeA ? [a1, a0] : [a0, a1];
  const [depthB, columns] = transposeB ? [b1, b0] : [b0, b1];
  const [batchA, batchB] = [a, b].map(({ shape }) =>
    tf.util.sizeFromShape(shape.slice(0, -2))
  );
  const fits = batchA === 1 || batchB === 1 ||
    `${a.shape.slice(0, -2)}` === `${b.shape.slice(0, -2)}`;
  if (!areFloats(backend, a, b) || depth !== depthB || !fits) return;
  const batch = Math.max(batchA, batchB);
  const sizes = { batch, batchA, batchB, rows, columns, depth };
  return { ...sizes, transposeA, transposeB };
}

/** Sizes of a pooling, if it is one that our kernels cover: float32 and not empty. */
function poolSizesOf(
  backend: AnyBackend,
  x: TensorInfo,
  { filterSize, strides, pad, dimRoundingMode }: NamedAttrMap,
): PoolSizes | undefined {
  if (!areFloats(backend, x)) return;
  const sizes = poolSizes({
    inShape: x.shape,
    filterSize: filterSize as number,
    strides: strides as number,
    pad: pad as number,
    dimRoundingMode,
  });
  return sizes.outHeight > 0 && sizes.outWidth > 0 ? sizes : undefined;
}

/** What a kernel does after its sum, if ours can: no bias or one value per column, and no activation or relu. */
function fusedOf(
  { backend, inputs, attrs }: KernelCall,
  columns: number,
): Fused | undefined {
  const { bias, preluActivationWeights } = inputs;
  const activation = attrs.activation ?? "linear";
  if (preluActivationWeights) return;
  if (activation !== "linear" && activation !== "relu") return;
  const fits = bias === undefined || areFloats(backend, bias) &&
      bias.shape.at(-1) === columns &&
      bias.shape.slice(0, -1).every((n) => n === 1);
  if (!fits) return;
  return { bias, activation: activation === "relu" ? "relu" : undefined };
}

/** Whether all tensors hold float32 and are not empty. */
export function areFloats(
  backend: AnyBackend,
  ...tensors: readonly TensorInfo[]
): boolean {
  return tensors.every((tensor) =>
    tensor.dtype === "float32" && storesFloats(backend, tensor) &&
    tensor.shape.every((n) => n > 0)
  );
}

function storesFloats(backend: AnyBackend, tensor: TensorInfo): boolean {
  return "arrays" in backend
    ? backend.data.get(tensor.dataId).values instanceof Float32Array
    : storedType(backend, tensor) === "float32";
}

/** Kernels that were registered by us. */
const ours = new WeakSet<KernelFunc>();

/**
 * Replaces kernels of a backend of TensorFlow.js, once. A call goes to the kernel that was replaced if ours leaves it,
 * or if `when` says no.
 */
export function replaceKernels<Backend extends AnyBackend>(
  backendName: "webgpu" | "cpu",
  kernels: Readonly<Record<string, DropIn<Backend>>>,
  { when = () => true }: { when?: () => boolean } = {},
): void {
  for (const [kernelName, kernel] of Object.entries(kernels)) {
    const stock = tf.getKernel(kernelName, backendName);
    if (stock === undefined) {
      throw new BackendError(
        `Cannot replace the kernel ${kernelName} as TensorFlow.js ${tf.version_core} has none: use version 4.22.0`,
      );
    }
    if (ours.has(stock.kernelFunc)) continue;
    const kernelFunc: KernelFunc = (args) => {
      const call = {
        backend: args.backend as Backend,
        inputs: args.inputs as Record<string, TensorInfo>,
        attrs: args.attrs ?? {},
      };
      return (when() ? kernel(call) : undefined) ?? stock.kernelFunc(args);
    };
    ours.add(kernelFunc);
    tf.unregisterKernel(kernelName, backendName);
    tf.registerKernel({ ...stock, kernelFunc });
  }
}
