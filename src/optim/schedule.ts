/**
 * What a learning-rate schedule is.
 *
 * @module
 */

/** A learning rate for every step, which depends on nothing but the step: so that a resumed run goes on with it. */
export interface Schedule {
  /** One line for people, for example "cosine to 0 over 2345 steps". */
  readonly description: string;
  /**
   * Finds the learning rate of a step.
   *
   * @param step Step, from 0 over the run.
   * @returns The learning rate, at least 0.
   */
  rateAt(step: number): number;
}
