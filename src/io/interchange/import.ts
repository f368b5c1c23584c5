/**
 * Brings a network back: reads it from a format that other programs write.
 *
 * @module
 */

import { OptionError } from "../../errors.ts";
import type { Checkpoint } from "../checkpoint.ts";
import type { KnownModel } from "./detect.ts";
import { importSafetensors } from "./safetensors_import.ts";
import { importTfjs } from "./tfjs_import.ts";

/** Options of {@linkcode importModel}. */
export interface ImportModelOptions extends KnownModel {
  /**
   * The format: "safetensors", weights with the names and layouts of PyTorch's `state_dict` or of here; or "tfjs",
   * TensorFlow.js's layers format.
   */
  format: "safetensors" | "tfjs";
}

/**
 * Reads a network that another program wrote. Nothing in the file is believed: it is compared with the networks of here,
 * and with its own size, before any weight is read. No device is needed.
 *
 * @example
 * ```ts
 * import { alexnet, importModel, initBackend, restoreWeights } from "@x/alexnet";
 *
 * await initBackend();
 * const checkpoint = await importModel("model.json", { format: "tfjs" });
 * const net = alexnet(checkpoint.config);
 * restoreWeights(net, checkpoint);
 * ```
 *
 * @param path The file; for "tfjs" `model.json` or its folder.
 * @param options The format, and what is known of the network.
 * @returns The network: which it is, and its weights.
 * @throws {OptionError} If the format is none.
 * @throws {DataError} If a file is missing or damaged, or the network is none of here.
 */
export async function importModel(
  path: string,
  options: ImportModelOptions,
): Promise<Checkpoint> {
  const { format, ...known } = options;
  if (format === "safetensors") return await importSafetensors(path, known);
  if (format === "tfjs") return await importTfjs(path, known);
  throw new OptionError(
    "format",
    format,
    "one of safetensors, tfjs",
  );
}
