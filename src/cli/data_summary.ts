/**
 * How data and where its batches are made are written for people.
 *
 * @module
 */

import type { DataSummary } from "../data/loader/data_loader.ts";

/**
 * Writes what a loader does.
 *
 * @param summary What it says of itself.
 * @returns Two lines, for example "data: 500 images in 2 classes: Bag 300, Coat 200" and
 * "batches: scale to [0, 1]; made on the device".
 */
export function formatData(summary: DataSummary): string[] {
  const { dataset, transforms, place, workers, reason } = summary;
  const host = workers === 0
    ? "the host, without workers"
    : `the host, by ${workers} ${workers === 1 ? "worker" : "workers"}`;
  const where = place === "device" ? "the device" : `${host}, as ${reason}`;
  return [
    `data: ${dataset}`,
    `batches: ${transforms.join(", ") || "as they are"}; made on ${where}`,
  ];
}
