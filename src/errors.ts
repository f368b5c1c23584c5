/** The errors that this package throws: each says what was wrong, where, and what to do next. */

import { reasonOf } from "./reason.ts";

/** Base class of every error that this package throws on purpose. */
export class AlexNetError extends Error {
  /**
   * Describes the error.
   *
   * @param message What was wrong, where, and what to do next.
   * @param options The error that caused it, if any.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** An argument or option has a value that is not allowed. */
export class OptionError extends AlexNetError {
  /** Name of the argument or option, as the caller wrote it. */
  readonly option: string;
  /** The value that was refused. */
  readonly value: unknown;

  /**
   * Describes the option.
   *
   * @param option Name of the argument or option.
   * @param value The value that was refused.
   * @param requirement What the value must be, to complete "as it must be ...".
   */
  constructor(option: string, value: unknown, requirement: string) {
    super(
      `Cannot use ${option} as it must be ${requirement}: current value is ${
        show(value)
      }`,
    );
    this.option = option;
    this.value = value;
  }
}

function show(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  try {
    return String(value);
  } catch {
    // An object from JSON may have a `toString` that is not a function.
    return Object.prototype.toString.call(value);
  }
}

/** A tensor, an image or a list of weights has a shape that does not fit. */
export class ShapeError extends AlexNetError {}

/** A data file is missing, truncated, damaged or of another kind than expected. */
export class DataError extends AlexNetError {
  /** Path or address of the file that is wrong. */
  readonly path: string;

  /**
   * Describes the file.
   *
   * @param path Path or address of the file that is wrong.
   * @param message What is wrong with it and what to do.
   */
  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

/** A sample of a data set could not be read, or a transform of it failed; `cause` is the error. */
export class SampleError extends AlexNetError {
  /** Index of the sample in the data set. */
  readonly index: number;

  /**
   * Describes what happened.
   *
   * @param index Index of the sample in the data set.
   * @param cause The error.
   */
  constructor(index: number, cause: unknown) {
    super(`Cannot make sample ${index}: ${reasonOf(cause)}`, { cause });
    this.index = index;
  }
}

/** No device could be opened, or the device reported an error. */
export class BackendError extends AlexNetError {}

/** Processes cannot train together: they did not find each other, or one of them failed. */
export class DistributedError extends AlexNetError {}

/** Training cannot go on because the loss is not a finite number. */
export class TrainingError extends AlexNetError {
  /** Epoch, from 1, in which it happened. */
  readonly epoch: number;
  /** Step, from 0 over the run, at which it was noticed. */
  readonly step: number;

  /**
   * Describes what happened and where.
   *
   * @param message What happened and what to try.
   * @param where The epoch, from 1, and the step, from 0 over the run.
   */
  constructor(message: string, where: { epoch: number; step: number }) {
    super(message);
    this.epoch = where.epoch;
    this.step = where.step;
  }
}
