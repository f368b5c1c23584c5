/**
 * How numbers, tables and the device are written for people.
 *
 * @module
 */

import type { BackendInfo, TunedOperation } from "../device/device.ts";
import type { EpochEnd } from "../train/callbacks.ts";
import type { LayerSummary } from "../nn/summary.ts";
import { formatTable } from "./table.ts";

/**
 * Writes a duration.
 *
 * @param seconds Any time, in seconds.
 * @returns For example "45 s", "12 min" or "2 h 10 min".
 */
export function formatDuration(seconds: number): string {
  if (seconds < 99.5) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * Writes a number of bytes.
 *
 * @param bytes Any count.
 * @returns For example "128 MiB".
 */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const unit = Math.min(Math.floor(Math.log2(bytes) / 10), 4);
  const value = Math.round(bytes / 1024 ** unit * 10) / 10;
  return `${value} ${"KMGT"[unit - 1]}iB`;
}

/**
 * Writes a speed.
 *
 * @param imagesPerSecond Any speed.
 * @returns For example "3.42 images/s", with three digits.
 */
export function formatSpeed(imagesPerSecond: number): string {
  return `${Number(imagesPerSecond.toPrecision(3))} images/s`;
}

/**
 * Writes an epoch the way the lecture does.
 *
 * @param epoch The record of the epoch.
 * @returns For example "epoch 1, loss 1.3052, train acc 0.509, test acc 0.745, time 18.9 sec".
 */
export function formatEpoch(
  epoch: Pick<
    EpochEnd,
    "epoch" | "loss" | "trainAccuracy" | "testAccuracy" | "seconds"
  >,
): string {
  const { loss, trainAccuracy, testAccuracy, seconds } = epoch;
  return [
    `epoch ${epoch.epoch}`,
    `loss ${loss.toFixed(4)}`,
    `train acc ${trainAccuracy.toFixed(3)}`,
    ...(testAccuracy === undefined
      ? []
      : [`test acc ${testAccuracy.toFixed(3)}`]),
    `time ${seconds.toFixed(1)} sec`,
  ].join(", ");
}

/**
 * Writes the device in use.
 *
 * @param info The device.
 * @returns For example "WebGPU, llvmpipe (LLVM 15.0.6, 256 bits), a software adapter" or "CPU, oneDNN 2.6.3, 2 threads".
 */
export function formatDevice({ adapter, library }: BackendInfo): string {
  if (library !== undefined) {
    const { name, version, threads } = library;
    const plural = threads === 1 ? "thread" : "threads";
    return `CPU, ${name} ${version}${
      threads === undefined ? "" : `, ${threads} ${plural}`
    }`;
  }
  if (adapter === undefined) return "CPU, plain JavaScript";
  const software = adapter.isSoftware ? ", a software adapter" : "";
  return `WebGPU, ${adapter.name}${software}`;
}

/**
 * Writes the layer table.
 *
 * @param rows The layers.
 * @returns A line per layer between a head line and a line of totals.
 */
export function formatLayers(rows: readonly LayerSummary[]): string {
  const count = (n: number) => n.toLocaleString("en-US");
  const total = (key: "params" | "macs") =>
    count(rows.reduce((sum, row) => sum + row[key], 0));
  const cells = [
    ["layer", "output", "parameters", "multiply-adds"],
    ...rows.map(({ name, outputShape, params, macs }) => [
      name,
      outputShape.slice(1).join("x"),
      count(params),
      count(macs),
    ]),
    ["total", "", total("params"), total("macs")],
  ];
  return formatTable(cells, { textColumns: 2 });
}

/**
 * Writes what the tuner found of an operation.
 *
 * @param tuned What was measured.
 * @returns For example "conv2d,16,...: winograd 6x6, 82.1 ms instead of 90.3 ms (winograd 4x4), 1.10x".
 */
export function formatTuned(
  { key, way, ms, usual, usualMs }: TunedOperation,
): string {
  const time = (ms: number) => `${ms.toPrecision(3)} ms`;
  if (way === usual) return `${key}: ${way}, ${time(ms)}`;
  return `${key}: ${way}, ${time(ms)} instead of ${time(usualMs)} (${usual}), ${
    (usualMs / ms).toFixed(2)
  }x`;
}
