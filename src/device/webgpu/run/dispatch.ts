/**
 * Runs our shaders on the TensorFlow.js WebGPU backend, in the same command buffers as its own kernels.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { tf } from "../../tf.ts";
import { ShapeError } from "../../../errors.ts";
import { bindGroupOf, type Bound, type Program, variantOf } from "./program.ts";
import { type Recorder, recorderOf, type StoredType } from "./recorder.ts";
import { copyToTexture, scratchFor } from "./scratch.ts";
import { traitsOf } from "./ways.ts";

/**
 * Bytes from which on a buffer may be used again at once, by commands that come later in the queue, unless the queue itself
 * wrote it: that overtakes the commands that wait. It saves memory, of which small buffers take none.
 */
const LEAST_REUSED = 2 ** 16;

/** Some neighbouring elements of a tensor, or all: as many as its shape says. */
export interface TensorPart extends TensorInfo {
  /** Place of the first in the tensor. Default 0. */
  readonly first?: number;
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
  const { textures } = variant;
  const bound: Bound[] = [];
  let numTextures = 0;
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
    const operand = { place: numTextures++, width, isHalf, offset, elements };
    const { texture, view } = scratchFor(backend, operand);
    recorder.ensureCommandEncoderReady();
    recorder.endComputePassEncoder();
    copyToTexture(recorder.commandEncoder!, buffer, texture, operand);
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

/** Bytes of a tensor: those of bindings come in fours. */
function bytesOf(shape: readonly number[], isHalf: boolean): number {
  let size = 1;
  for (let i = 0; i < shape.length; i++) size *= shape[i];
  return isHalf ? Math.ceil(size / 2) * 4 : size * 4;
}

/** Where `tf.time` and `tf.profile` expect the times of a pass. */
function timestamps(recorder: Recorder): GPUComputePassDescriptor {
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
