/** Runs tests of products with the tiles of every kind of adapter, whatever this machine's is. */

import {
  type AdapterTraits,
  pretendTraits,
  traitsOf,
} from "../../../src/device/webgpu/run/ways.ts";
import { webgpuTest } from "../../device.ts";
import { webgpuBackend } from "./run.ts";

const MIB = 2 ** 20;

/** What people's devices take: this adapter as it is, and a GPU. */
const FORMS: Readonly<
  Record<string, (traits: AdapterTraits) => AdapterTraits>
> = {
  "": (traits) => traits,
  ", staged": () => ({
    isSoftware: false,
    lanes: 1,
    maxBindingBytes: 128 * MIB,
    source: "buffers",
    leastCopied: 0,
  }),
};

/** This adapter, which copies large tensors to textures, and as if it copied all. */
const SOURCES: typeof FORMS = {
  "": (traits) => traits,
  ", from textures": (traits) => ({ ...traits, leastCopied: 0 }),
};

/** Registers a test of a product once for each form, whose name is added to the test's. */
export function formTest(name: string, fn: () => Promise<void>): void {
  tests(FORMS, name, fn);
}

/** Registers a test of a kernel that reads its tensors once, for each of the sources that it may read them from. */
export function passTest(name: string, fn: () => Promise<void>): void {
  tests(SOURCES, name, fn);
}

function tests(
  forms: typeof FORMS,
  name: string,
  fn: () => Promise<void>,
): void {
  for (const [form, pretend] of Object.entries(forms)) {
    webgpuTest(`${name}${form}`, async () => {
      const backend = await webgpuBackend();
      pretendTraits(backend, pretend(traitsOf(backend)));
      try {
        await fn();
      } finally {
        pretendTraits(backend);
      }
    });
  }
}
