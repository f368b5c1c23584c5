/**
 * Runs tests of products with the tiles of every kind of adapter, whatever this machine's is.
 *
 * @module
 */

import {
  type AdapterTraits,
  pretendTraits,
  traitsOf,
} from "../../src/kernels/traits.ts";
import { webgpuTest } from "../device.ts";
import { webgpuBackend } from "./run.ts";

const MIB = 2 ** 20;

const OTHER = {
  lanes: 1,
  maxBindingBytes: 128 * MIB,
  hasRows: false,
  source: "buffers",
  leastCopied: 0,
} as const;

type Pretence = (traits: AdapterTraits) => AdapterTraits;

/** What people's devices take: this adapter as it is, and a GPU. */
const USUAL_FORMS: Readonly<Record<string, Pretence>> = {
  "": (traits) => traits,
  ", staged": () => ({ isSoftware: false, ...OTHER }),
};

/** And what few do: software adapters without rows, without textures, and whose lanes cannot share. */
const ALL_FORMS: typeof USUAL_FORMS = {
  ...USUAL_FORMS,
  ", without rows": (traits) => ({ ...traits, hasRows: false }),
  ", from buffers": (traits) => ({
    ...traits,
    hasRows: false,
    source: "buffers",
  }),
  ", without subgroups": () => ({ isSoftware: true, ...OTHER }),
};

/** This adapter, which copies large tensors to textures, and as if it copied all. */
const SOURCES: typeof USUAL_FORMS = {
  "": (traits) => traits,
  ", from textures": (traits) => ({ ...traits, leastCopied: 0 }),
};

/**
 * Registers a test of a product once for each form that people's devices take.
 *
 * @param name Name of the test; the form is added.
 * @param fn The test.
 */
export function formTest(name: string, fn: () => Promise<void>): void {
  _tests(USUAL_FORMS, name, fn);
}

/**
 * Registers a test of a product once for each form that there is. The forms differ in how they share and read, which has little
 * to do with the sizes: so two cases of each operation are enough.
 *
 * @param name Name of the test; the form is added.
 * @param fn The test.
 */
export function everyFormTest(name: string, fn: () => Promise<void>): void {
  _tests(ALL_FORMS, name, fn);
}

/**
 * Registers a test of a kernel that goes over its tensors once, for each place that it may read them from.
 *
 * @param name Name of the test; the place is added.
 * @param fn The test.
 */
export function passTest(name: string, fn: () => Promise<void>): void {
  _tests(SOURCES, name, fn);
}

function _tests(
  forms: typeof USUAL_FORMS,
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
