/**
 * From the checkpoint that a command line names to a network that is ready on a device.
 *
 * @module
 */

import type { BackendInfo } from "../device/device.ts";
import type { DeviceName } from "../device/open.ts";
import { MANIFEST } from "../data/fashion_mnist/manifest.ts";
import {
  type Checkpoint,
  loadCheckpoint,
  type ModelConfig,
  restoreWeights,
} from "../io/checkpoint.ts";
import { initBackend } from "../device/open.ts";
import type { Sequential } from "../nn/sequential.ts";
import { findCheckpoint } from "../runs/run_files.ts";
import { useTuned } from "../train/tune.ts";
import { buildNetwork } from "./network.ts";

/**
 * Reads a checkpoint.
 *
 * @param path A checkpoint, or a run folder: then its best checkpoint, else its last.
 * @returns Which network it is, and its weights.
 * @throws {DataError} If there is none, or it is damaged or something else.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  return await loadCheckpoint(await findCheckpoint(path));
}

/**
 * Opens a device and builds the network of a checkpoint on it.
 *
 * @param checkpoint The checkpoint.
 * @param options Which device. Default "auto".
 * @returns The network with its weights, and the device.
 * @throws {BackendError} If there is no such device.
 * @throws {DataError} If a weight is missing.
 * @throws {ShapeError} If a weight has another size.
 */
export async function openNetwork(
  checkpoint: Checkpoint,
  { device }: { device?: DeviceName },
): Promise<{ net: Sequential; backend: BackendInfo }> {
  const onWarning = (message: string) => console.error(`warning: ${message}`);
  const backend = await initBackend({ device, onWarning });
  await useTuned({ onWarning });
  const net = buildNetwork(checkpoint.config);
  restoreWeights(net, checkpoint);
  return { net, backend };
}

/**
 * Names the classes of a network: those of Fashion-MNIST where it has as many, else their numbers.
 *
 * @param config Which network.
 * @returns A name per class.
 */
export function classNamesOf({ classes }: ModelConfig): readonly string[] {
  const { classNames } = MANIFEST;
  if (classes === classNames.length) return classNames;
  return Array.from({ length: classes }, (_, label) => `${label}`);
}
