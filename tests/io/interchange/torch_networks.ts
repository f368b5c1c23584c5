/**
 * The networks of which `scripts/record_torch_logits.py` records what PyTorch makes of them. Run as a program, writes them
 * to a folder, with the images.
 */

import { exportModel } from "../../../src/io/interchange/interchange.ts";
import { ALEXNET, LENET, seededCheckpoint, testImages } from "./seeded.ts";

/** The networks; AlexNet for the smallest images that it takes. */
export const TORCH_NETWORKS = [LENET, { ...ALEXNET, imageSize: 67 }];

/** How many images they are given. */
export const NUM_TORCH_IMAGES = 8;

/** Loads the images of a network. */
export async function torchImages(
  imageSize: number,
): Promise<Float32Array<ArrayBuffer>> {
  const images = await testImages(imageSize);
  return images.slice(0, NUM_TORCH_IMAGES * imageSize ** 2);
}

if (import.meta.main) {
  const [folder] = Deno.args;
  for (const config of TORCH_NETWORKS) {
    const path = `${folder}/${config.model}`;
    await exportModel(seededCheckpoint(config), {
      format: "safetensors",
      layout: "pytorch",
      output: `${path}.safetensors`,
    });
    const images = await torchImages(config.imageSize);
    await Deno.writeFile(`${path}.images`, new Uint8Array(images.buffer));
  }
}
