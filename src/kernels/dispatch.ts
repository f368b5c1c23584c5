/**
 * Runs our shaders on the TensorFlow.js WebGPU backend, in the same command buffers as its own kernels.
 *
 * @module
 */

import type { DataType, TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { tf } from "../backend/tf.ts";
import type { Shader } from "./shader.ts";

/**
 * The members of `WebGPUBackend` (4.22.0) that recording a dispatch needs; `runWebGPUProgram` there does the same for
 * one output and uniforms of its own.
 */
interface _Recorder {
  readonly device: GPUDevice;
  readonly tensorMap: {
    get(dataId: object): { resource?: GPUBuffer; values: unknown };
  };
  computePassEncoder: GPUComputePassEncoder | null;
  readonly commandEncoder: GPUCommandEncoder;
  readonly commandQueueOwnedIds: WeakSet<object>;
  dispatchCountInPass: number;
  readonly activeTimers?: { name: string; query: Promise<number> }[];
  readonly supportTimestampQuery: boolean;
  readonly querySetCount: number;
  querySet: GPUQuerySet | null;
  uploadToGPU(dataId: object): void;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  getQueryTime(): Promise<number>;
}

/** A compiled shader. */
export interface Program {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly workgroups: Shader["workgroups"];
}

/** Programs by the key of their caller, per device. */
const programs = new WeakMap<GPUDevice, Map<string, Program>>();

/** Pipelines by their WGSL, per device, so that equal shaders are compiled once whoever asks. */
const pipelines = new WeakMap<GPUDevice, Map<string, GPUComputePipeline>>();

/**
 * Finds or compiles a program.
 *
 * @param backend The backend that will run it.
 * @param key Names the operation and every size and option that the shader depends on.
 * @param write Writes the shader, if it is new.
 * @returns The program.
 */
export function programOf(
  backend: WebGPUBackend,
  key: string,
  write: () => Shader,
): Program {
  const { device } = backend;
  const known = _mapOf(programs, device);
  let program = known.get(key);
  if (program === undefined) {
    const { code, workgroups } = write();
    const compiled = _mapOf(pipelines, device);
    let pipeline = compiled.get(code);
    if (pipeline === undefined) {
      pipeline = device.createComputePipeline({
        label: key,
        layout: "auto",
        compute: { module: device.createShaderModule({ label: key, code }) },
      });
      compiled.set(code, pipeline);
    }
    program = { pipeline, layout: pipeline.getBindGroupLayout(0), workgroups };
    known.set(key, program);
  }
  return program;
}

/**
 * Records a program. Tensors that are still on the host are uploaded first.
 *
 * @param backend The backend to record on.
 * @param program The program.
 * @param tensors The tensors of its bindings, in order.
 */
export function dispatch(
  backend: WebGPUBackend,
  program: Program,
  tensors: readonly TensorInfo[],
): void {
  const recorder = backend as unknown as _Recorder;
  for (const { dataId } of tensors) {
    recorder.uploadToGPU(dataId);
    // Keeps the buffer from being reused before the commands that read it are submitted.
    recorder.commandQueueOwnedIds.add(dataId);
  }
  const bindGroup = recorder.device.createBindGroup({
    layout: program.layout,
    entries: tensors.map(({ dataId }, binding) => ({
      binding,
      resource: { buffer: recorder.tensorMap.get(dataId).resource! },
    })),
  });
  recorder.ensureCommandEncoderReady();
  const isTimed = recorder.activeTimers != null;
  if (isTimed) recorder.endComputePassEncoder();
  const pass = recorder.computePassEncoder ??= recorder.commandEncoder
    .beginComputePass(isTimed ? _timestamps(recorder) : {});
  pass.setPipeline(program.pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(...program.workgroups);
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
  const { tensorMap } = backend as unknown as _Recorder;
  for (const { dataId } of written) {
    // What an earlier read kept on the host is out of date.
    tensorMap.get(dataId).values = null;
  }
}

/**
 * Makes an output tensor.
 *
 * @param backend The backend that holds it.
 * @param shape Its shape.
 * @param dtype Its type. Default float32.
 * @returns The tensor, with undefined content.
 */
export function makeOutput(
  backend: WebGPUBackend,
  shape: readonly number[],
  dtype: DataType = "float32",
): TensorInfo {
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
  const recorder = backend as unknown as _Recorder;
  recorder.uploadToGPU(tensor.dataId);
  // Safe although commands may be waiting: the buffer is in none of them, or it would not have been free.
  const { resource } = recorder.tensorMap.get(tensor.dataId);
  recorder.device.queue.writeBuffer(resource!, 0, words);
  return tensor;
}

/** Where `tf.time` and `tf.profile` expect the times of a pass. */
function _timestamps(recorder: _Recorder): GPUComputePassDescriptor {
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

function _mapOf<V>(
  maps: WeakMap<GPUDevice, Map<string, V>>,
  device: GPUDevice,
): Map<string, V> {
  let map = maps.get(device);
  if (map === undefined) maps.set(device, map = new Map());
  return map;
}
