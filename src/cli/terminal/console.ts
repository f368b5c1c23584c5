/** How numbers, tables and the device are written for people. */

import type { BackendInfo, TunedOperation } from "../../device/device.ts";
import type { DataSummary } from "../../data/loader/data_loader.ts";
import type { EpochEnd } from "../../train/callbacks.ts";
import type { LayerSummary } from "../../nn/sequential.ts";

/** Writes a duration, such as "45 s", "12 min" or "2 h 10 min". */
export function formatDuration(seconds: number): string {
  if (seconds < 99.5) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Writes how many there are of something, such as "1 epoch" or "2 epochs". */
export function formatQuantity(
  count: number,
  word: string,
  words = `${word}s`,
): string {
  return `${count} ${count === 1 ? word : words}`;
}

/** Writes a number of bytes, such as "128 MiB". */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const unit = Math.min(Math.floor(Math.log2(bytes) / 10), 4);
  const value = Math.round(bytes / 1024 ** unit * 10) / 10;
  return `${value} ${"KMGT"[unit - 1]}iB`;
}

/** Writes a speed with three digits, such as "3.42 images/s". */
export function formatSpeed(imagesPerSecond: number): string {
  return `${Number(imagesPerSecond.toPrecision(3))} images/s`;
}

/** Writes an epoch the way the lecture does: "epoch 1, loss 1.3052, train acc 0.509, test acc 0.745, time 18.9 sec". */
export function formatEpoch(end: EpochEnd): string {
  const { epoch, loss, trainAccuracy, testAccuracy, seconds } = end;
  return [
    `epoch ${epoch}`,
    `loss ${loss.toFixed(4)}`,
    `train acc ${trainAccuracy.toFixed(3)}`,
    ...testAccuracy === undefined
      ? []
      : [`test acc ${testAccuracy.toFixed(3)}`],
    `time ${seconds.toFixed(1)} sec`,
  ].join(", ");
}

/** Writes the device, such as "WebGPU, llvmpipe (LLVM 15.0.6, 256 bits), a software adapter" or "CPU, oneDNN 2.6.3, 2 threads". */
export function formatDevice({ adapter, library }: BackendInfo): string {
  if (library !== undefined) {
    const { name, version, threads } = library;
    const count = threads && `, ${formatQuantity(threads, "thread")}`;
    return `CPU, ${name} ${version}${count ?? ""}`;
  }
  if (adapter === undefined) return "CPU, plain JavaScript";
  const software = adapter.isSoftware ? ", a software adapter" : "";
  return `WebGPU, ${adapter.name}${software}`;
}

/** Writes the layer table: a line per layer between a head line and a line of totals. */
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

/** Writes what the tuner found, such as "conv2d,16,...: winograd 6x6, 82.1 ms instead of 90.3 ms (winograd 4x4), 1.10x". */
export function formatTuned(
  { key, way, ms, usual, usualMs }: TunedOperation,
): string {
  const time = (ms: number) => `${ms.toPrecision(3)} ms`;
  if (way === usual) return `${key}: ${way}, ${time(ms)}`;
  return `${key}: ${way}, ${time(ms)} instead of ${time(usualMs)} (${usual}), ${
    (usualMs / ms).toFixed(2)
  }x`;
}

/** Writes a table, two spaces between columns. The first `textColumns` columns are aligned on the left, the others on the right. */
export function formatTable(
  rows: readonly (readonly string[])[],
  { textColumns }: { textColumns: number },
): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, c) => widths[c] = Math.max(widths[c] ?? 0, cell.length));
  }
  const pad = (cell: string, c: number) =>
    c < textColumns ? cell.padEnd(widths[c]) : cell.padStart(widths[c]);
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

/** Writes what a loader says of itself: a line about the data, and one about how and where its batches are made. */
export function formatData(summary: DataSummary): string[] {
  const { dataset, transforms, place: madeOn, workers, reason } = summary;
  const by = workers === 0
    ? "without workers"
    : `by ${formatQuantity(workers, "worker")}`;
  const where = madeOn === "device"
    ? "the device"
    : `the host, ${by}, as ${reason}`;
  return [
    `data: ${dataset}`,
    `batches: ${transforms.join(", ") || "as they are"}; made on ${where}`,
  ];
}
