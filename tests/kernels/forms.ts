/**
 * Runs tests of products with the tiles of every kind of adapter, whatever this machine's is.
 *
 * @module
 */

import { type AdapterTraits, pretendTraits } from "../../src/kernels/tile.ts";
import { webgpuTest } from "../device.ts";
import { webgpuBackend } from "./run.ts";

const MIB = 2 ** 20;

/** Adapters to pretend: this one, a GPU, and a software adapter whose lanes cannot share. */
const FORMS: Readonly<Record<string, AdapterTraits | undefined>> = {
  "": undefined,
  ", staged": { isSoftware: false, lanes: 1, maxBindingBytes: 128 * MIB },
  ", without subgroups": {
    isSoftware: true,
    lanes: 1,
    maxBindingBytes: 128 * MIB,
  },
};

/**
 * Registers a test of a product once for each form.
 *
 * @param name Name of the test; the form is added.
 * @param fn The test.
 */
export function formTest(name: string, fn: () => Promise<void>): void {
  for (const [form, traits] of Object.entries(FORMS)) {
    webgpuTest(`${name}${form}`, async () => {
      const backend = await webgpuBackend();
      pretendTraits(backend, traits);
      try {
        await fn();
      } finally {
        pretendTraits(backend);
      }
    });
  }
}
