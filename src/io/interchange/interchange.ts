/** Writes a network in formats that other programs read, and reads networks of other programs. */

import { DataError, OptionError } from "../../errors.ts";
import { requireOneOf } from "../../options.ts";
import { type Checkpoint, writeCheckpoint } from "../checkpoint.ts";
import {
  type DescribedNetwork,
  describeNetwork,
  networkIn,
} from "../network.ts";
import type { NamedTensor } from "../safetensors.ts";
import { exportPyTorch, importSafetensors } from "./pytorch.ts";
import { exportTfjs, importTfjs } from "./tfjs.ts";
import type { KnownModel } from "./weights.ts";

export type { KnownModel } from "./weights.ts";

/** Options of {@linkcode exportModel}. */
export interface ExportModelOptions {
  /**
   * The format: "safetensors", weights alone; "tfjs", TensorFlow.js's layers format, a folder; "onnx", an ONNX file. The
   * networks take images NHWC, in [0, 1], and give logits.
   */
  format: "safetensors" | "tfjs" | "onnx";
  /** Where to write: a file, or for "tfjs" a folder that does not exist yet or is empty. */
  output: string;
  /**
   * Whose names and layouts a safetensors file has: "keras", those of a checkpoint of this package (kernels HWIO and
   * `[in, out]`), or "pytorch", those of a `state_dict` (OIHW and `[out, in]`). Default "keras".
   */
  layout?: "keras" | "pytorch";
}

/**
 * Writes a network for another program, whole or not at all. No device is needed.
 *
 * @example
 * ```ts
 * import { exportModel, loadCheckpoint } from "@x/alexnet";
 *
 * const checkpoint = await loadCheckpoint("alexnet.safetensors");
 * await exportModel(checkpoint, { format: "onnx", output: "alexnet.onnx" });
 * ```
 *
 * @param checkpoint The network.
 * @param options Which format, and where to.
 * @throws {OptionError} If the format is none, or does not have the layout.
 * @throws {DataError} If a weight is missing, or the file cannot be written.
 * @throws {ShapeError} If the format cannot express a layer.
 */
export async function exportModel(
  checkpoint: Checkpoint,
  options: ExportModelOptions,
): Promise<void> {
  const { format, output, layout } = options;
  requireOneOf("format", format, ["safetensors", "tfjs", "onnx"]);
  if (layout !== undefined) {
    requireOneOf("layout", layout, ["keras", "pytorch"]);
    if (format !== "safetensors") {
      throw new OptionError("layout", layout, `left out with format ${format}`);
    }
  }
  const { config } = checkpoint;
  const about = networkIn(checkpoint);
  const network = describeNetwork(about, config.model);
  const tensors = weightsOf(network, checkpoint);
  if (format === "onnx") {
    const { exportOnnx } = await import("./onnx.ts");
    await exportOnnx(output, network, tensors);
  } else if (format === "tfjs") {
    await exportTfjs(output, network, tensors);
  } else if (layout === "pytorch") {
    await exportPyTorch(output, { config, network: about, tensors });
  } else {
    await writeCheckpoint(output, { config, network: about, tensors });
  }
}

/** The weights alone, checked, in the order of the network: a checkpoint of a run has more. */
function weightsOf(
  network: DescribedNetwork,
  { path, tensors }: Checkpoint,
): Map<string, NamedTensor> {
  const weights = network.layers.flatMap((layer) => layer.weights);
  return new Map(weights.map(({ name, shape }) => {
    const tensor = tensors.get(name);
    if (`${tensor?.shape}` === `${shape}`) return [name, tensor!];
    throw new DataError(
      path,
      `Cannot export ${path}: it has no weight ${name} of shape [${shape}]`,
    );
  }));
}

/** Options of {@linkcode importModel}. */
export interface ImportModelOptions extends KnownModel {
  /**
   * The format: "safetensors", weights with the names and layouts of PyTorch's `state_dict` or of this package; or "tfjs",
   * TensorFlow.js's layers format.
   */
  format: "safetensors" | "tfjs";
}

/**
 * Reads a network that another program wrote. The file is compared with the networks of this package, and with its own size, before
 * any weight is read. No device is needed.
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
 * @throws {DataError} If a file is missing or damaged, or holds no network of this package.
 */
export async function importModel(
  path: string,
  options: ImportModelOptions,
): Promise<Checkpoint> {
  const { format, ...known } = options;
  requireOneOf("format", format, ["safetensors", "tfjs"]);
  const read = format === "tfjs" ? importTfjs : importSafetensors;
  return await read(path, known);
}
