/**
 * PyTorch's names and layouts of weights: those of the `state_dict` of a `torch.nn.Sequential` with a module per layer and
 * per activation.
 *
 * @module
 */

import type { Shape } from "../../nn/shape.ts";
import type { NamedTensor } from "../safetensors.ts";
import type { DescribedLayer } from "./described.ts";
import { permute } from "./permute.ts";

/** A weight here and in PyTorch. */
export interface PyTorchWeight {
  /** Its name in PyTorch, for example "0.weight". */
  readonly name: string;
  /** Its shape in PyTorch: OIHW or `[out, in]` for kernels. */
  readonly shape: Shape;
  /** Its name here, for example "conv2d_1.kernel". */
  readonly ours: string;
  /** Its shape here: HWIO or `[in, out]` for kernels. */
  readonly ourShape: Shape;
  /**
   * Its shape here with every dimension written out that changes its place: `[height, width, in, out]` also for the first
   * dense layer, which here reads an image row by row, each pixel's channels together, and in PyTorch channel by channel.
   */
  readonly dimensions: Shape;
}

/**
 * Lists the weights of a network as PyTorch has them.
 *
 * @param layers The layers, first to last.
 * @returns The weights, in the order of the `state_dict`.
 */
export function pytorchWeights(
  layers: readonly DescribedLayer[],
): PyTorchWeight[] {
  const list: PyTorchWeight[] = [];
  let index = 0;
  let image: Shape | undefined;
  for (const { config, input, weights } of layers) {
    if (config.kind === "flatten" && input.length === 3) image = input;
    const [kernel, bias] = weights;
    if (kernel !== undefined) {
      const dimensions = config.kind === "dense" && image
        ? [...image, kernel.shape[1]]
        : kernel.shape;
      const moved = _toPyTorch(dimensions.length).map((d) => dimensions[d]);
      list.push({
        name: `${index}.weight`,
        shape: config.kind === "dense"
          ? [kernel.shape[1], kernel.shape[0]]
          : moved,
        ours: kernel.name,
        ourShape: kernel.shape,
        dimensions,
      }, {
        name: `${index}.bias`,
        shape: bias.shape,
        ours: bias.name,
        ourShape: bias.shape,
        dimensions: bias.shape,
      });
      image = undefined;
    }
    const hasActivation = "activation" in config &&
      config.activation !== "linear";
    index += hasActivation ? 2 : 1;
  }
  return list;
}

/**
 * Turns a weight into PyTorch's layout.
 *
 * @param weight Which weight.
 * @param tensor Its values here.
 * @returns A copy in PyTorch's layout.
 */
export function toPyTorch(
  weight: PyTorchWeight,
  tensor: NamedTensor,
): NamedTensor {
  const { shape, dimensions } = weight;
  const whole = { shape: dimensions, values: tensor.values };
  return {
    shape,
    values: permute(whole, _toPyTorch(dimensions.length)).values,
  };
}

/**
 * Turns a weight into the layout here.
 *
 * @param weight Which weight.
 * @param tensor Its values in PyTorch.
 * @returns A copy in the layout here.
 */
export function fromPyTorch(
  weight: PyTorchWeight,
  tensor: NamedTensor,
): NamedTensor {
  const { ourShape, dimensions } = weight;
  const order = _toPyTorch(dimensions.length);
  const whole = {
    shape: order.map((d) => dimensions[d]),
    values: tensor.values,
  };
  const back = order.map((_, d) => order.indexOf(d));
  return { shape: ourShape, values: permute(whole, back).values };
}

/** For each dimension in PyTorch, which one it is here: HWIO to OIHW, `[in, out]` to `[out, in]`. */
function _toPyTorch(rank: number): number[] {
  return rank === 4 ? [3, 2, 0, 1] : rank === 2 ? [1, 0] : [0];
}
