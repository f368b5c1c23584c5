/** Tests of the random numbers of samples, and of batches made on the host. */

import type { BatchPlan } from "../../../src/data/loader/batch.ts";
import type { ArrayBatch, ImageShape } from "../../../src/data/loader/batch.ts";
import { checkIndex, type Sample } from "../../../src/data/dataset.ts";
import {
  attemptSample,
  makeHostBatch,
  randomOf,
} from "../../../src/data/loader/host_batch.ts";
import { toTensor, type Transform } from "../../../src/data/transforms/mod.ts";
import { OptionError, SampleError, ShapeError } from "../../../src/errors.ts";
import {
  assert,
  assertEquals,
  assertLess,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";

const SHAPE: ImageShape = [2, 3, 1];

/** Of one sample, unless told. */
function _plan(options: {
  seed?: number;
  epoch?: number;
  indices?: number[];
  repeats?: number[];
} = {}): BatchPlan {
  const { seed = 1, epoch = 2, indices = [3], repeats } = options;
  return {
    seed,
    epoch,
    indices: Uint32Array.from(indices),
    repeats: repeats && Uint32Array.from(repeats),
  };
}

function _draw(plan: BatchPlan, i = 0, count = 7): number[] {
  const random = randomOf(plan, i);
  return Array.from({ length: count }, random);
}

/** Every value is the index. */
function _sample(index: number): Sample {
  const data = new Uint8Array(6).fill(index);
  return {
    image: { data, height: 2, width: 3, channels: 1, maxValue: 255 },
    label: index % 4,
  };
}

function _make(
  indices: number[],
  options: {
    get?: (i: number) => Sample;
    transform?: Transform;
    memory?: ArrayBuffer;
  } = {},
): ArrayBatch {
  return makeHostBatch(_plan({ indices }), {
    get: (i) => _sample(indices[i]),
    dataset: { classNames: ["a", "b", "c", "d"] },
    transform: (image) => image,
    shape: SHAPE,
    ...options,
  });
}

Deno.test("randomOf() depends on seed, epoch, index and repeat", () => {
  const plans = [
    _plan(),
    _plan({ seed: 2 }),
    _plan({ seed: 2 ** 32 - 1 }),
    _plan({ epoch: 3 }),
    _plan({ epoch: 1, seed: 2 }),
    _plan({ indices: [2] }),
    _plan({ epoch: 3, indices: [2] }),
    _plan({ repeats: [1] }),
    _plan({ repeats: [2] }),
  ];
  const all = plans.flatMap((plan) => _draw(plan));
  assertEquals(new Set(all).size, all.length);
  assertEquals(_draw(_plan()), _draw(_plan({ repeats: [0] })));
});

Deno.test("randomOf() does not depend on the place in the batch or on other samples", () => {
  const expected = _draw(_plan());
  const batch = _plan({ indices: [9, 3, 4, 3], repeats: [0, 0, 5, 1] });
  assertEquals(_draw(batch, 1), expected);
  assertNotEquals(_draw(batch, 3), expected);
  assertEquals(_draw(batch, 3), _draw(_plan({ repeats: [1] })));
  assertNotEquals(_draw(batch, 0), expected);
});

Deno.test("randomOf() does not depend on the order in which samples draw", () => {
  const batch = _plan({ indices: [5, 3, 8] });
  const apart = [0, 1, 2].map((i) => _draw(batch, i));
  const sources = [0, 1, 2].map((i) => randomOf(batch, i));
  const inTurn: number[][] = [[], [], []];
  for (let n = 0; n < 7; n++) {
    for (const i of [2, 0, 1]) inTurn[i].push(sources[i]());
  }
  assertEquals(inTurn, apart);
});

Deno.test("randomOf() is uniform in [0, 1), within a sample and across samples", () => {
  const count = 20_000;
  const batch = _plan({ indices: Array.from({ length: count }, (_, i) => i) });
  const [firsts, seconds] = [0, 1].map((draw) =>
    Array.from({ length: count }, (_, i) => _draw(batch, i, 2)[draw])
  );
  for (const values of [_draw(_plan(), 0, count), firsts, seconds]) {
    assert(values.every((value) => value >= 0 && value < 1));
    const mean = values.reduce((sum, value) => sum + value) / count;
    const variance = values
      .reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
    const lagged = values.slice(1)
      .reduce((sum, value, i) => sum + (value - mean) * (values[i] - mean), 0);
    // Four standard deviations of each.
    assertLess(Math.abs(mean - 1 / 2), 4 * Math.sqrt(1 / 12 / count));
    assertLess(Math.abs(variance - 1 / 12), 4 * Math.sqrt(1 / 180 / count));
    assertLess(Math.abs(lagged / count * 12), 4 / Math.sqrt(count));
  }
});

Deno.test("makeHostBatch() makes float32 images and int32 labels", () => {
  const { images, labels, shape } = _make([5, 2]);
  assertEquals(
    images,
    Float32Array.from([5, 2].flatMap((v) => Array(6).fill(v))),
  );
  assertEquals(labels, Int32Array.of(1, 2));
  assertEquals(shape, [2, 2, 3, 1]);
});

Deno.test("makeHostBatch() gives each sample its own random numbers", () => {
  const drawn: number[] = [];
  const transform: Transform = (image, random) => {
    drawn.push(random!(), random!());
    return image;
  };
  _make([5, 2, 5], { transform });
  const [five, two] = [5, 2].map((index) =>
    _draw(_plan({ indices: [index] }), 0, 2)
  );
  assertEquals(drawn, [...five, ...two, ...five]);
});

Deno.test("makeHostBatch() uses memory that fits, and no other", () => {
  const fitting = new ArrayBuffer(2 * 6 * 4);
  assertStrictEquals(_make([5, 2], { memory: fitting }).images.buffer, fitting);
  for (const length of [0, 6 * 4, 3 * 6 * 4, 2 * 6 * 4 + 1]) {
    const memory = new ArrayBuffer(length);
    const { images } = _make([5, 2], { memory });
    assert(images.buffer !== memory);
    assertEquals(images.length, 12);
    assertEquals(images.byteOffset, 0);
  }
});

Deno.test("makeHostBatch() leaves nothing of what was in its memory", () => {
  const memory = new ArrayBuffer(3 * 6 * 4);
  const transforms: Transform[] = [
    (image) => image,
    toTensor(),
    // Of the same memory, and of memory of its own.
    (image, _, place) => ({ ...image, data: place!.fill(image.data[0]) }),
    (image) => ({ ...image, data: new Float32Array(6) }),
  ];
  for (const transform of transforms) {
    new Float32Array(memory).fill(NaN);
    const { images } = _make([7, 0, 1], { transform, memory });
    assertEquals(images, _make([7, 0, 1], { transform }).images);
  }
});

Deno.test("makeHostBatch() names the sample that fails, and why", () => {
  const cause = new TypeError("no such pixel");
  const transform: Transform = (image) => {
    if (image.data[0] === 6) throw cause;
    return image;
  };
  const error = assertThrows(
    () => _make([1, 6, 2], { transform }),
    SampleError,
  );
  assertEquals(error.index, 6);
  assertStrictEquals(error.cause, cause);
  assertEquals(error.message, "Cannot make sample 6: no such pixel");
});

Deno.test("makeHostBatch() refuses images that differ in shape", () => {
  const SHAPES = [[3, 2, 1], [2, 3, 2], [1, 3, 1], [2, 4, 1]];
  for (const [height, width, channels] of SHAPES) {
    const transform: Transform = (image) =>
      image.data[0] === 6 ? { ...image, height, width, channels } : image;
    assertThrows(
      () => _make([1, 6], { transform }),
      ShapeError,
      `sample 6 as its shape [${height},${width},${channels}] is not [2,3,1]`,
    );
  }
});

Deno.test("makeHostBatch() refuses more or fewer values than the shape says", () => {
  for (const length of [0, 5, 7]) {
    const data = new Float32Array(length);
    const transform: Transform = (image) =>
      image.data[0] === 6 ? { ...image, data } : image;
    for (const indices of [[1, 6], [6, 1]]) {
      assertThrows(
        () => _make(indices, { transform }),
        ShapeError,
        `sample 6 as it has ${length} values and not the 6 of its shape`,
      );
    }
  }
});

Deno.test("makeHostBatch() refuses a label that has no class name", () => {
  for (const label of [4, -1, 0.5, NaN, undefined as unknown as number]) {
    const get = (i: number) => ({ ..._sample(i), label: i === 1 ? label : 3 });
    const error = assertThrows(() => _make([8, 9], { get }), SampleError);
    assertEquals(
      error.message,
      `Cannot make sample 9: Cannot use label as it must be an integer from 0 to 3, one of the class names: current value is ${label}`,
    );
  }
});

Deno.test("attemptSample() passes on that there is no such sample", () => {
  const error = assertThrows(
    () => attemptSample(9, () => checkIndex(9, 3)),
    OptionError,
    "index",
  );
  assertEquals(error.option, "index");
  const other = assertThrows(
    () =>
      attemptSample(4, () => {
        throw "a string";
      }),
    SampleError,
    "Cannot make sample 4: a string",
  );
  assertEquals(other.cause, "a string");
  assertEquals(attemptSample(4, () => 5), 5);
});
