/** Exported folders of TensorFlow.js's layers format, to be damaged. */

import { exportModel } from "../../../src/io/interchange/interchange.ts";
import type { Folder } from "../../data/folder.ts";
import { LENET, seededCheckpoint } from "./seeded.ts";

/** What `model.json` holds, as far as the tests change it. */
// deno-lint-ignore no-explicit-any -- tests change it into what it must not be
export type Model = Record<string, any>;

/** Exports LeNet and changes `model.json`. */
export async function changedModel(
  folder: Folder,
  change: (model: Model) => unknown = () => {},
): Promise<string> {
  const output = `${folder.path}/${crypto.randomUUID()}`;
  await exportModel(seededCheckpoint(LENET), { format: "tfjs", output });
  const path = `${output}/model.json`;
  const model = JSON.parse(await Deno.readTextFile(path));
  change(model);
  await Deno.writeTextFile(path, JSON.stringify(model));
  return path;
}
