/**
 * Runs our shaders on the TensorFlow.js WebGPU backend, in the same command buffers as its own kernels: compiled shaders and
 * their bind groups, each made once, and the tensors and textures that they are run on.
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { ShapeError } from "../../../errors.ts";
import { memo, perOwner } from "../../memo.ts";
import type { ImagePart } from "../../sizes.ts";
import { tf } from "../../tf.ts";
import {
  type CompleteShader,
  completeShader,
  TEXTURE_WIDTH,
  textureFormat,
} from "../wgsl/operand.ts";
import type { Shader } from "../wgsl/wgsl.ts";
import {
  type BackendMembers,
  flush,
  recorderOf,
  type StoredType,
} from "./recorder.ts";
import { traceProgram, traitsOf } from "./ways.ts";

/** A shader, and what was compiled of it. */
export interface Program {
  /** Names the operation and every size and option that the shader depends on. */
  readonly key: string;
  readonly shader: Shader;
  /** By the bits of the bindings that store float16. */
  readonly variants: Map<number, Variant>;
}

/** A shader that was compiled for tensors of certain types. */
interface Variant extends CompleteShader {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** Bind groups that were made: the backend hands out the same buffers step after step. */
  readonly bindGroups: { bound: readonly Bound[]; bindGroup: GPUBindGroup }[];
}

/** What a binding sees: some bytes of a buffer, or a texture. */
interface Bound {
  readonly resource: GPUBuffer | GPUTextureView;
  readonly offset: number;
  /** Bytes of the tensor: a buffer that TensorFlow.js was given may be longer. */
  readonly size: number;
}

/** Most bind groups that a program keeps. */
const MAX_BIND_GROUPS = 64;

/**
 * Bytes from which on a buffer may be used again at once, by commands that come later in the queue, unless the queue itself
 * wrote it: that overtakes the commands that wait. It saves memory, of which small buffers take none.
 */
const LEAST_REUSED = 2 ** 16;

/** Per device, by the key of the caller. */
const programs = memo<Program>();

/** Per device, by WGSL: equal shaders are compiled once, whoever asks. */
const pipelines = memo<GPUComputePipeline>();

/** Finds or makes a program. */
export function programOf(
  { device }: WebGPUBackend,
  key: string,
  write: () => Shader,
): Program {
  return programs(device, key, () => ({
    key,
    shader: write(),
    variants: new Map(),
  }));
}

/** Some neighbouring elements of a tensor, or all: as many as its shape says. */
interface TensorPart extends TensorInfo {
  /** Index of the first in the tensor. Default 0. */
  readonly first?: number;
}

/** The images of a part of a batch. */
export function imagesOf(
  { dataId, dtype, shape: [, ...image], first = 0 }: TensorPart,
  { begin, count }: ImagePart,
): TensorPart {
  const size = image.reduce((product, n) => product * n, 1);
  return {
    dataId,
    dtype,
    shape: [count, ...image],
    first: first + begin * size,
  };
}

/**
 * Records a program, and submits what has been recorded once it is enough. Tensors that are still on the host are uploaded
 * first.
 */
export function dispatch(
  backend: WebGPUBackend,
  program: Program,
  tensors: readonly TensorPart[],
): void {
  record(backend, program, tensors);
  const recorder = recorderOf(backend);
  if (
    recorder.dispatchCountInPass >=
      tf.env().getNumber("WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE")
  ) {
    recorder.endComputePassEncoder();
    recorder.submitQueue();
  }
}

/** Records a program and submits nothing, which may block until earlier work is done. */
export function record(
  backend: WebGPUBackend,
  program: Program,
  tensors: readonly TensorPart[],
): void {
  const recorder = recorderOf(backend);
  let halves = 0;
  for (let i = 0; i < tensors.length; i++) {
    const { dataId } = tensors[i];
    const data = recorder.tensorMap.get(dataId);
    if (data.resource == null) recorder.uploadToGPU(dataId);
    if (data.dtype === "float16") halves |= 1 << i;
  }
  const variant = variantOf(recorder.device, program, halves);
  traceProgram(program.key, variant.code);
  const { textures } = variant;
  const bound: Bound[] = [];
  let slot = 0;
  for (let i = 0; i < tensors.length; i++) {
    const { dataId, shape, first = 0 } = tensors[i];
    const buffer = recorder.tensorMap.get(dataId).resource!;
    const isHalf = (halves >> i & 1) === 1;
    const offset = first * (isHalf ? 2 : 4);
    const size = bytesOf(shape, isHalf);
    const width = textures[i];
    if (width === undefined) {
      bound.push({ resource: buffer, offset, size });
      continue;
    }
    const elements = size / (width * (isHalf ? 2 : 4));
    const format = textureFormat(width, isHalf);
    const use = { slot: slot++, elements };
    const { texture, view } = scratchFor(backend, format, use);
    recorder.ensureCommandEncoderReady();
    recorder.endComputePassEncoder();
    const copied = { offset, elements };
    copyToTexture(recorder.commandEncoder!, buffer, texture, copied);
    bound.push({ resource: view, offset: 0, size });
  }
  // Keeps the buffers from being reused before these commands are submitted. A larger texture may just have had those
  // before them submitted.
  for (let i = 0; i < tensors.length; i++) {
    const { dataId } = tensors[i];
    if (bound[i].size < LEAST_REUSED || filled.has(dataId)) {
      recorder.commandQueueOwnedIds.add(dataId);
    }
  }
  const bindGroup = bindGroupOf(recorder.device, variant, bound);
  recorder.ensureCommandEncoderReady();
  const isTimed = recorder.activeTimers != null;
  if (isTimed) recorder.endComputePassEncoder();
  const pass = recorder.computePassEncoder ??= recorder.commandEncoder!
    .beginComputePass(isTimed ? timestamps(recorder) : {});
  pass.setPipeline(variant.pipeline);
  pass.setBindGroup(0, bindGroup);
  const [x, y, z] = program.shader.workgroups;
  pass.dispatchWorkgroups(x, y, z);
  recorder.dispatchCountInPass++;
  if (isTimed) {
    recorder.endComputePassEncoder();
    recorder.activeTimers!.push({
      name: program.key,
      query: recorder.getQueryTime(),
    });
  }
}

/** Finds or compiles a program for tensors of certain types. */
function variantOf(
  device: GPUDevice,
  { key, shader, variants }: Program,
  halves: number,
): Variant {
  let variant = variants.get(halves);
  if (variant === undefined) {
    const { code, textures } = completeShader(shader.code, halves);
    const pipeline = pipelines(
      device,
      code,
      () =>
        device.createComputePipeline({
          label: key,
          layout: "auto",
          compute: { module: device.createShaderModule({ label: key, code }) },
        }),
    );
    const layout = pipeline.getBindGroupLayout(0);
    variant = { code, textures, pipeline, layout, bindGroups: [] };
    variants.set(halves, variant);
  }
  return variant;
}

/** Finds or makes the bind group of a program on some resources. */
function bindGroupOf(
  device: GPUDevice,
  { layout, bindGroups }: Variant,
  bound: readonly Bound[],
): GPUBindGroup {
  let at = 0;
  while (at < bindGroups.length && !isSame(bindGroups[at].bound, bound)) at++;
  if (at === bindGroups.length) {
    const bindGroup = device.createBindGroup({
      layout,
      entries: bound.map(({ resource, offset, size }, binding) => ({
        binding,
        resource: resource instanceof GPUBuffer
          ? { buffer: resource, offset, size }
          : resource,
      })),
    });
    at = Math.min(at, MAX_BIND_GROUPS - 1);
    bindGroups[at] = { bound, bindGroup };
  }
  const known = bindGroups[at];
  // Steps repeat, so what was bound last is looked at first.
  bindGroups.copyWithin(1, 0, at);
  bindGroups[0] = known;
  return known.bindGroup;
}

function isSame(a: readonly Bound[], b: readonly Bound[]): boolean {
  for (let i = 0; i < a.length; i++) {
    const x = a[i];
    const y = b[i];
    if (x.resource !== y.resource) return false;
    if (x.offset !== y.offset || x.size !== y.size) return false;
  }
  return true;
}

/** Where `tf.time` and `tf.profile` expect the times of a pass. */
function timestamps(recorder: BackendMembers): GPUComputePassDescriptor {
  if (!recorder.supportTimestampQuery) return {};
  recorder.querySet ??= recorder.device.createQuerySet({
    type: "timestamp",
    count: recorder.querySetCount,
  });
  return {
    timestampWrites: {
      querySet: recorder.querySet,
      beginningOfPassWriteIndex: 0,
      endOfPassWriteIndex: 1,
    },
  };
}

/** Records a program that changes tensors where they are. */
export function dispatchInPlace(
  backend: WebGPUBackend,
  program: Program,
  tensors: {
    written: readonly TensorInfo[];
    read: readonly TensorInfo[];
  },
): void {
  const { written, read } = tensors;
  dispatch(backend, program, [...written, ...read]);
  const { tensorMap } = recorderOf(backend);
  for (const { dataId } of written) {
    const data = tensorMap.get(dataId);
    if (withoutValues.has(data)) continue;
    withoutValues.add(data);
    Object.defineProperty(data, "values", NO_VALUES);
  }
}

/** What a read, be it over or still under way, keeps on the host would be out of date. */
const NO_VALUES: PropertyDescriptor = {
  get: () => null,
  set() {},
  configurable: true,
  enumerable: true,
};

/** Entries of the backend's map whose tensors change where they are. */
const withoutValues = new WeakSet<object>();

/** Makes an output tensor. */
export function makeOutput(
  backend: WebGPUBackend,
  shape: readonly number[],
  type: StoredType = "float32",
): TensorInfo {
  const isHalf = type === "float16";
  const bytes = bytesOf(shape, isHalf);
  const { maxBindingBytes } = traitsOf(backend);
  if (bytes > maxBindingBytes) {
    throw new ShapeError(
      `Cannot make a tensor of shape [${shape}]: it has ${bytes} bytes and the adapter binds at most ${maxBindingBytes}; use smaller batches`,
    );
  }
  if (!isHalf) return backend.makeTensorInfo([...shape], type);
  const tensor = backend.makeTensorInfo([...shape], "float32");
  const { bufferManager, tensorMap } = recorderOf(backend);
  const data = tensorMap.get(tensor.dataId);
  data.dtype = type;
  const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  data.resource = bufferManager.acquireBuffer(
    bytes,
    STORAGE | COPY_SRC | COPY_DST,
  );
  return tensor;
}

/** Bytes of a tensor: those of bindings come in fours. */
function bytesOf(shape: readonly number[], isHalf: boolean): number {
  let size = 1;
  for (let i = 0; i < shape.length; i++) size *= shape[i];
  return isHalf ? Math.ceil(size / 2) * 4 : size * 4;
}

/** Makes a tensor of given content on the device, which is copied at once. */
export function makeFilled(
  backend: WebGPUBackend,
  words: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>,
  shape: readonly number[] = [words.length],
): TensorInfo {
  const dtype = words instanceof Float32Array ? "float32" : "int32";
  const tensor = makeOutput(backend, shape, dtype);
  const recorder = recorderOf(backend);
  // With a usage that no other tensor has, so that the buffer never was one that waiting commands use; see `dispatch`.
  const { STORAGE, COPY_SRC, COPY_DST, VERTEX } = GPUBufferUsage;
  const buffer = recorder.bufferManager.acquireBuffer(
    words.byteLength,
    STORAGE | COPY_SRC | COPY_DST | VERTEX,
  );
  recorder.tensorMap.get(tensor.dataId).resource = buffer;
  filled.add(tensor.dataId);
  recorder.device.queue.writeBuffer(buffer, 0, words);
  return tensor;
}

/** Tensors whose content was written by the queue, ahead of the commands that wait. */
const filled = new WeakSet<object>();

/** Copies bytes to the device, where they stay until {@linkcode freeResident}. */
export function makeResident(
  backend: WebGPUBackend,
  bytes: Uint8Array,
): TensorInfo {
  const { length, byteOffset, buffer } = bytes;
  const isWhole = byteOffset % 4 === 0 && length % 4 === 0 &&
    buffer instanceof ArrayBuffer;
  if (isWhole) {
    return makeFilled(backend, new Uint32Array(buffer, byteOffset, length / 4));
  }
  const words = new Uint32Array(Math.ceil(length / 4));
  new Uint8Array(words.buffer).set(bytes);
  return makeFilled(backend, words);
}

/** Gives the memory of bytes back to the device at once, not to the pool of buffers. */
export function freeResident(
  backend: WebGPUBackend,
  { dataId }: TensorInfo,
): void {
  // Commands that wait may read it.
  flush(backend);
  const { tensorMap, bufferManager } = recorderOf(backend);
  const data = tensorMap.get(dataId);
  bufferManager.releaseBuffer(data.resource!, false);
  data.resource = undefined;
  backend.disposeData(dataId);
}

/** A texture that operands are copied to for one dispatch each: commands run in order, so the next may use it again. */
interface Scratch {
  readonly texture: GPUTexture;
  readonly view: GPUTextureView;
}

/** Per device: of each operand of a dispatch that is read from a texture, one of each format. */
const scratches = perOwner((_: GPUDevice) => new Map<string, Scratch>());

/** Finds or makes the texture for an operand. One that is too small is destroyed, after what was recorded is submitted. */
function scratchFor(
  backend: WebGPUBackend,
  format: GPUTextureFormat,
  { slot, elements }: { slot: number; elements: number },
): Scratch {
  const { device } = backend;
  const known = scratches(device);
  const label = `operand ${slot}, ${format}`;
  const old = known.get(label);
  const height = Math.ceil(elements / TEXTURE_WIDTH);
  if (old !== undefined && old.texture.height >= height) return old;
  if (old !== undefined) {
    flush(backend);
    old.texture.destroy();
  }
  const texture = device.createTexture({
    label,
    size: [TEXTURE_WIDTH, height],
    format,
    usage: GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_DST,
  });
  const scratch = { texture, view: texture.createView() };
  known.set(label, scratch);
  return scratch;
}

/** Records the copy of an operand: its whole rows, and the rest. */
function copyToTexture(
  encoder: GPUCommandEncoder,
  buffer: GPUBuffer,
  texture: GPUTexture,
  { offset, elements }: { offset: number; elements: number },
): void {
  const bytesPerRow = TEXTURE_WIDTH * bytesPerElement(texture.format);
  const rows = Math.floor(elements / TEXTURE_WIDTH);
  const rest = elements % TEXTURE_WIDTH;
  if (rows > 0) {
    const size = [TEXTURE_WIDTH, rows];
    const source = { buffer, offset, bytesPerRow };
    encoder.copyBufferToTexture(source, { texture }, size);
  }
  if (rest > 0) {
    const source = { buffer, offset: offset + rows * bytesPerRow };
    const target = { texture, origin: [0, rows] };
    encoder.copyBufferToTexture(source, target, [rest, 1]);
  }
}

/** Counts the memory of the textures. */
export function scratchBytes(device: GPUDevice): number {
  let sum = 0;
  for (const { texture } of scratches(device).values()) {
    sum += texture.width * texture.height * bytesPerElement(texture.format);
  }
  return sum;
}

function bytesPerElement(format: GPUTextureFormat): number {
  return format === "rgba32float" ? 16 : format === "rgba16float" ? 8 : 4;
}
