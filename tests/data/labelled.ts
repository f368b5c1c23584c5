/** Data sets of given labels, for tests of what is chosen of them. */

import { type Dataset, makeDataset } from "../../src/data/dataset.ts";

/** Makes a data set of which each image is one float, its index. */
export function labelled(
  labels: readonly number[],
  options: { classNames?: string[]; isKnown?: boolean } = {},
): Dataset {
  const { isKnown = true } = options;
  const numClasses = Math.max(0, ...labels) + 1;
  const {
    classNames = Array.from({ length: numClasses }, (_, i) => `${i}`),
  } = options;
  return makeDataset({
    length: labels.length,
    classNames,
    labels: isKnown ? labels : undefined,
    get(index) {
      const data = Float32Array.of(index);
      return {
        image: { data, height: 1, width: 1, channels: 1, maxValue: 1 },
        label: labels[index],
      };
    },
  });
}

/** Lists labels of classes of given sizes, in turn, so that classes do not lie side by side. */
export function labelsOfSizes(sizes: readonly number[]): number[] {
  const left = [...sizes];
  const labels: number[] = [];
  while (left.some((n) => n > 0)) {
    left.forEach((n, label) => {
      if (n > 0) labels.push(label);
      left[label]--;
    });
  }
  return labels;
}

/** Finds out which samples of a {@linkcode labelled} data set a part of it has. */
export function indicesIn(part: Dataset): number[] {
  return Array.from(
    { length: part.length },
    (_, i) => part.get(i).image.data[0],
  );
}
