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
  readonly textures: Shader["textures"];
  /** Bind groups by the numbers of their resources: the backend hands out the same buffers step after step. */
  readonly bindGroups: Map<string, GPUBindGroup>;
}

/** Most bind groups that a program keeps. */
const MAX_BIND_GROUPS = 64;

/** Numbers of buffers and views, in the order in which they were first bound. */
const numbers = new WeakMap<GPUBuffer | GPUTextureView, number>();
let numNumbers = 0;

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
    const { code, workgroups, textures } = write();
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
      textures,
      bindGroups: new Map(),
    };
    known.set(key, program);
  }
  return program;
}

/** What a binding sees: the first bytes of a buffer, or a texture. */
export type Bound =
  | {
    readonly buffer: GPUBuffer;
    /** How many bytes: those of the tensor, as a buffer that TensorFlow.js was given may be longer. */
    readonly size: number;
  }
  | GPUTextureView;

/**
 * Finds or makes the bind group of a program on some resources.
 *
 * @param device The device of both.
 * @param program The program.
 * @param bound The resources of its bindings, in order.
 * @returns The bind group.
 */
export function bindGroupOf(
  device: GPUDevice,
  { layout, bindGroups }: Program,
  bound: readonly Bound[],
): GPUBindGroup {
  const key = bound.map((resource) =>
    "buffer" in resource
      ? `${_numberOf(resource.buffer)}:${resource.size}`
      : _numberOf(resource)
  ).join();
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

function _numberOf(resource: GPUBuffer | GPUTextureView): number {
  let number = numbers.get(resource);
  if (number === undefined) numbers.set(resource, number = numNumbers++);
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
