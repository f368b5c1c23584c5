/**
 * Textures that operands are copied to for one dispatch each: commands run in order, so the next dispatch may use them
 * again.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { TEXTURE_WIDTH, textureFormat, type Width } from "../wgsl/operand.ts";
import { flush } from "./recorder.ts";

/** A texture and its view. */
export interface Scratch {
  readonly texture: GPUTexture;
  /** Its rows. */
  readonly height: number;
  readonly view: GPUTextureView;
}

/** Per device, by place and format. */
const scratches = new WeakMap<GPUDevice, Map<number, Scratch>>();

/**
 * Finds or makes the texture for an operand. One that is too small is destroyed, after what was recorded is submitted.
 */
export function scratchFor(
  backend: WebGPUBackend,
  { place, width, isHalf, elements }: {
    place: number;
    width: Width;
    isHalf: boolean;
    elements: number;
  },
): Scratch {
  const { device } = backend;
  let known = scratches.get(device);
  if (known === undefined) scratches.set(device, known = new Map());
  const key = 3 * place + (width === 1 ? 0 : isHalf ? 1 : 2);
  const old = known.get(key);
  const height = Math.ceil(elements / TEXTURE_WIDTH);
  if (old !== undefined && old.height >= height) return old;
  if (old !== undefined) {
    flush(backend);
    old.texture.destroy();
  }
  const texture = device.createTexture({
    label: `operand ${place}, ${textureFormat(width, isHalf)}`,
    size: [TEXTURE_WIDTH, height],
    format: textureFormat(width, isHalf),
    usage: GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_DST,
  });
  const scratch = { texture, height, view: texture.createView() };
  known.set(key, scratch);
  return scratch;
}

/** Records the copy of an operand. */
export function copyToTexture(
  encoder: GPUCommandEncoder,
  buffer: GPUBuffer,
  texture: GPUTexture,
  { offset, width, isHalf, elements }: {
    offset: number;
    width: Width;
    isHalf: boolean;
    elements: number;
  },
): void {
  const bytes = bytesPerElement(textureFormat(width, isHalf));
  const bytesPerRow = TEXTURE_WIDTH * bytes;
  const rows = Math.floor(elements / TEXTURE_WIDTH);
  if (rows > 0) {
    encoder.copyBufferToTexture({ buffer, offset, bytesPerRow }, { texture }, [
      TEXTURE_WIDTH,
      rows,
    ]);
  }
  const rest = elements % TEXTURE_WIDTH;
  if (rest > 0) {
    encoder.copyBufferToTexture(
      { buffer, offset: offset + rows * bytesPerRow },
      { texture, origin: [0, rows] },
      [rest, 1],
    );
  }
}

/** Counts the memory of the textures. */
export function scratchBytes(device: GPUDevice): number {
  const textures = [...scratches.get(device)?.values() ?? []];
  return textures.reduce((sum, { texture: { width, height, format } }) => {
    return sum + width * height * bytesPerElement(format);
  }, 0);
}

function bytesPerElement(format: GPUTextureFormat): number {
  return format === "rgba32float" ? 16 : format === "rgba16float" ? 8 : 4;
}
