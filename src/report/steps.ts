/**
 * Where steps and epochs stand on an axis of epochs, and how many steps become few points.
 *
 * @module
 */

import type { RunRecords } from "../runs/read_run.ts";
import type { EpochRecord, StepRecord } from "../runs/records.ts";

/** A few steps as one point. */
export interface StepGroup {
  /** Middle of the steps, in epochs. */
  readonly x: number;
  /** Mean of their losses, in nats. */
  readonly loss: number;
  /** Smallest loss. */
  readonly minLoss: number;
  /** Largest loss. */
  readonly maxLoss: number;
  /** Mean of their accuracies, in [0, 1]. */
  readonly accuracy: number;
}

/** An axis of epochs: epoch 1 is from 0 to 1. */
export interface EpochAxis {
  /** Places a step. */
  ofStep(step: StepRecord): number;
  /** Places the end of an epoch. */
  ofEpoch(epoch: EpochRecord): number;
}

/** Makes the axis of a run. */
export function epochAxis(run: RunRecords): EpochAxis {
  const { steps, epochs } = run;
  const starts = new Map<number, number>();
  for (const { epoch, steps } of epochs) starts.set(epoch + 1, steps);
  for (const { epoch, step } of steps) {
    if (!starts.has(epoch)) starts.set(epoch, epoch === 1 ? 0 : step);
  }
  const startOf = (epoch: number) => starts.get(epoch) ?? 0;
  const whole = epochs.find(({ isPartial }) => !isPartial);
  const length = whole
    ? whole.steps - startOf(whole.epoch)
    : _plannedSteps(run);
  const place = (epoch: number, steps: number) =>
    epoch - 1 + Math.min(1, (steps - startOf(epoch)) / length);
  return {
    ofStep: ({ epoch, step }) => place(epoch, step + 0.5),
    ofEpoch: ({ epoch, steps, isPartial }) =>
      isPartial ? place(epoch, steps) : epoch,
  };
}

function _plannedSteps({ config, steps }: RunRecords): number {
  const batchSize = config.recipe["batch-size"];
  return typeof batchSize === "number" && batchSize >= 1
    ? Math.ceil(config.data.trainSamples / batchSize)
    : Math.max(1, steps.length);
}

/**
 * Joins steps into groups of as many each, in order, as a curve of every step is large and hard to read. The last group
 * may be smaller.
 */
export function groupSteps(
  steps: readonly StepRecord[],
  { axis, max }: { readonly axis: EpochAxis; readonly max: number },
): StepGroup[] {
  // A loss that is not a number ended the run; it has no place on an axis.
  const finite = steps.flatMap(({ loss, ...rest }) =>
    loss === null ? [] : [{ loss, ...rest }]
  );
  const size = Math.max(1, Math.ceil(finite.length / max));
  return Array.from({ length: Math.ceil(finite.length / size) }, (_, i) => {
    const group = finite.slice(i * size, (i + 1) * size);
    const losses = group.map(({ loss }) => loss);
    return {
      x: _mean(group.map(axis.ofStep)),
      loss: _mean(losses),
      minLoss: Math.min(...losses),
      maxLoss: Math.max(...losses),
      accuracy: _mean(group.map(({ accuracy }) => accuracy)),
    };
  });
}

function _mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
