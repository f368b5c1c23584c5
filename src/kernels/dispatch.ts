/**
 * Runs our shaders on the TensorFlow.js WebGPU backend, in the same command buffers as its own kernels.
 *
 * @module
 */

import type { DataType, TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { tf } from "../backend/tf.ts";
import { ShapeError } from "../errors.ts";
import { bindGroupOf, type Bound, type Program } from "./program.ts";
import { type Recorder, recorderOf } from "./recorder.ts";
import { copyToTexture, scratchFor } from "./scratch.ts";
import { traitsOf } from "./traits.ts";

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
 * Records a program. Tensors that are still on the host are uploaded first.
 *
 * @param backend The backend to record on.
 * @param program The program.
 * @param tensors The tensors of its bindings, in order, or parts of them.
 */
export function dispatch(
  backend: WebGPUBackend,
  program: Program,
  tensors: readonly TensorPart[],
): void {
  const recorder = recorderOf(backend);
  const { textures } = program;
  const bound: Bound[] = [];
  let numTextures = 0;
  for (let i = 0; i < tensors.length; i++) {
    const { dataId, shape, first = 0 } = tensors[i];
    const data = recorder.tensorMap.get(dataId);
    if (data.resource == null) recorder.uploadToGPU(dataId);
    const buffer = data.resource!;
    const offset = first * BYTES_PER_ELEMENT;
    const size = _bytesOf(shape);
    const width = textures === undefined ? undefined : textures[i];
    if (width === undefined) {
      bound.push({ resource: buffer, offset, size });
      continue;
    }
    const elements = size / width / BYTES_PER_ELEMENT;
    const operand = { place: numTextures++, width, offset, elements };
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
  const bindGroup = bindGroupOf(recorder.device, program, bound);
  recorder.ensureCommandEncoderReady();
  const isTimed = recorder.activeTimers != null;
  if (isTimed) recorder.endComputePassEncoder();
  const pass = recorder.computePassEncoder ??= recorder.commandEncoder!
    .beginComputePass(isTimed ? _timestamps(recorder) : {});
  pass.setPipeline(program.pipeline);
  pass.setBindGroup(0, bindGroup);
  const [x, y, z] = program.workgroups;
  pass.dispatchWorkgroups(x, y, z);
  recorder.dispatchCountInPass++;
  if (isTimed) {
    recorder.endComputePassEncoder();
    recorder.activeTimers!.push({
      name: program.pipeline.label,
      query: recorder.getQueryTime(),
    });
  } else if (
    recorder.dispatchCountInPass >=
      tf.env().getNumber("WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE")
  ) {
    recorder.endComputePassEncoder();
    recorder.submitQueue();
  }
}

/**
 * Records a program that changes tensors where they are.
 *
 * @param backend The backend to record on.
 * @param program The program, which binds what it writes first.
 * @param tensors What it writes, each alone on its memory, and what it only reads.
 */
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

/**
 * Makes an output tensor.
 *
 * @param backend The backend that holds it.
 * @param shape Its shape.
 * @param dtype Its type. Default float32.
 * @returns The tensor, with undefined content.
 * @throws {ShapeError} If it is larger than the device can bind: the device would leave its content undefined.
 */
export function makeOutput(
  backend: WebGPUBackend,
  shape: readonly number[],
  dtype: DataType = "float32",
): TensorInfo {
  const bytes = _bytesOf(shape);
  const { maxBindingBytes } = traitsOf(backend);
  if (bytes > maxBindingBytes) {
    throw new ShapeError(
      `Cannot make a tensor of shape [${shape}]: it has ${bytes} bytes and the adapter binds at most ${maxBindingBytes}; use smaller batches`,
    );
  }
  return backend.makeTensorInfo([...shape], dtype);
}

/**
 * Makes a small tensor of given content on the device.
 *
 * @param backend The backend that will hold it.
 * @param words Its content, of type float32 or, as uint32 words, int32; `[length]`.
 * @returns The tensor.
 */
export function makeFilled(
  backend: WebGPUBackend,
  words: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>,
): TensorInfo {
  const dtype = words instanceof Float32Array ? "float32" : "int32";
  const tensor = makeOutput(backend, [words.length], dtype);
  const recorder = recorderOf(backend);
  // Of a usage that no other tensor has, so that the buffer never was one that waiting commands use; see `dispatch`.
  const buffer = recorder.bufferManager.acquireBuffer(
    words.byteLength,
    GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
  );
  recorder.tensorMap.get(tensor.dataId).resource = buffer;
  filled.add(tensor.dataId);
  recorder.device.queue.writeBuffer(buffer, 0, words);
  return tensor;
}

/** Tensors whose content was written by the queue, ahead of the commands that wait. */
const filled = new WeakSet<object>();

/** Of float32 and int32. */
const BYTES_PER_ELEMENT = 4;

function _bytesOf(shape: readonly number[]): number {
  let bytes = BYTES_PER_ELEMENT;
  for (let i = 0; i < shape.length; i++) bytes *= shape[i];
  return bytes;
}

/** Where `tf.time` and `tf.profile` expect the times of a pass. */
function _timestamps(recorder: Recorder): GPUComputePassDescriptor {
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
