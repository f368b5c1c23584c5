/**
 * Compiled shaders and their bind groups, each made once.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { Shader } from "./shader.ts";

/** A compiled shader. */
export interface Program {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly workgroups: Shader["workgroups"];
  /** Bind groups by the numbers of their buffers: the backend hands out the same buffers step after step. */
  readonly bindGroups: Map<string, GPUBindGroup>;
}

/** Most bind groups that a program keeps. */
const MAX_BIND_GROUPS = 64;

/** Numbers of buffers, in the order in which they were first bound. */
const bufferNumbers = new WeakMap<GPUBuffer, number>();
let numBuffers = 0;

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
    program = {
      pipeline,
      layout: pipeline.getBindGroupLayout(0),
      workgroups,
      bindGroups: new Map(),
    };
    known.set(key, program);
  }
  return program;
}

/** What a binding sees of a buffer: its first bytes. */
export interface BoundBuffer {
  readonly buffer: GPUBuffer;
  /** How many bytes: those of the tensor, as a buffer that TensorFlow.js was given may be longer. */
  readonly size: number;
}

/**
 * Finds or makes the bind group of a program on some buffers.
 *
 * @param device The device of both.
 * @param program The program.
 * @param bound The buffers of its bindings, in order.
 * @returns The bind group.
 */
export function bindGroupOf(
  device: GPUDevice,
  { layout, bindGroups }: Program,
  bound: readonly BoundBuffer[],
): GPUBindGroup {
  const key = bound.map(({ buffer, size }) => `${_numberOf(buffer)}:${size}`)
    .join();
  let bindGroup = bindGroups.get(key);
  if (bindGroup === undefined) {
    bindGroup = device.createBindGroup({
      layout,
      entries: bound.map((resource, binding) => ({ binding, resource })),
    });
    if (bindGroups.size >= MAX_BIND_GROUPS) bindGroups.clear();
    bindGroups.set(key, bindGroup);
  }
  return bindGroup;
}

function _numberOf(buffer: GPUBuffer): number {
  let number = bufferNumbers.get(buffer);
  if (number === undefined) bufferNumbers.set(buffer, number = numBuffers++);
  return number;
}

function _mapOf<V>(
  maps: WeakMap<GPUDevice, Map<string, V>>,
  device: GPUDevice,
): Map<string, V> {
  let map = maps.get(device);
  if (map === undefined) maps.set(device, map = new Map());
  return map;
}
