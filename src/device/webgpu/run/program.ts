/**
 * Compiled shaders and their bind groups, each made once.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type CompleteShader, completeShader } from "../wgsl/operand.ts";
import type { Shader } from "../wgsl/wgsl.ts";

/** A shader, and what was compiled of it. */
export interface Program {
  /** Names the operation and every size and option that the shader depends on. */
  readonly key: string;
  readonly shader: Shader;
  /** By the bits of the bindings that store float16. */
  readonly variants: Map<number, Variant>;
}

/** A shader that was compiled for tensors of certain types. */
export interface Variant {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** Numbers per element of each binding that is a texture. */
  readonly textures: CompleteShader["textures"];
  /** Bind groups that were made: the backend hands out the same buffers step after step. */
  readonly bindGroups: KnownBindGroup[];
}

/** What a binding sees: some bytes of a buffer, or a texture. */
export interface Bound {
  readonly resource: GPUBuffer | GPUTextureView;
  /** Bytes before those of the buffer. */
  readonly offset: number;
  /** How many bytes: those of the tensor, as a buffer that TensorFlow.js was given may be longer. */
  readonly size: number;
}

/** A bind group and what it binds. */
interface KnownBindGroup {
  readonly bound: readonly Bound[];
  readonly bindGroup: GPUBindGroup;
}

/** Most bind groups that a program keeps. */
const MAX_BIND_GROUPS = 64;

/** Programs by the key of their caller, per device. */
const programs = new WeakMap<GPUDevice, Map<string, Program>>();

/** Pipelines by their WGSL, per device, so that equal shaders are compiled once whoever asks. */
const pipelines = new WeakMap<GPUDevice, Map<string, GPUComputePipeline>>();

/** Finds or makes a program. */
export function programOf(
  backend: WebGPUBackend,
  key: string,
  write: () => Shader,
): Program {
  const known = mapOf(programs, backend.device);
  let program = known.get(key);
  if (program === undefined) {
    known.set(key, program = { key, shader: write(), variants: new Map() });
  }
  return program;
}

/** Finds or compiles a program for tensors of certain types. */
export function variantOf(
  device: GPUDevice,
  { key, shader, variants }: Program,
  halves: number,
): Variant {
  let variant = variants.get(halves);
  if (variant === undefined) {
    const { code, textures } = completeShader(shader.code, halves);
    const compiled = mapOf(pipelines, device);
    let pipeline = compiled.get(code);
    if (pipeline === undefined) {
      pipeline = device.createComputePipeline({
        label: key,
        layout: "auto",
        compute: { module: device.createShaderModule({ label: key, code }) },
      });
      compiled.set(code, pipeline);
    }
    variant = {
      pipeline,
      layout: pipeline.getBindGroupLayout(0),
      textures,
      bindGroups: [],
    };
    variants.set(halves, variant);
  }
  return variant;
}

/** Finds or makes the bind group of a program on some resources. */
export function bindGroupOf(
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

function mapOf<V>(
  maps: WeakMap<GPUDevice, Map<string, V>>,
  device: GPUDevice,
): Map<string, V> {
  let map = maps.get(device);
  if (map === undefined) maps.set(device, map = new Map());
  return map;
}
