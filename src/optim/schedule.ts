/**
 * Learning rates that change from step to step. Each is a pure function of the step, so that a resumed run goes on with it.
 */

import { requireInteger, requireNumber } from "../options.ts";

/** A learning rate for every step. It depends on the step alone, so that a resumed run goes on with it. */
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

/** Options of {@linkcode constantRate}. */
export interface ConstantRateOptions {
  /** The learning rate, above 0. */
  learningRate: number;
}

/**
 * The same learning rate at every step, for {@linkcode warmup} to begin with smaller ones.
 *
 * @param options The learning rate.
 * @returns The schedule.
 * @throws {OptionError} If it is out of its range.
 */
export function constantRate({ learningRate }: ConstantRateOptions): Schedule {
  requireNumber("learningRate", learningRate, { above: 0 });
  return {
    description: `constant ${learningRate}`,
    rateAt: () => learningRate,
  };
}

/** Options of {@linkcode stepRate}. */
export interface StepRateOptions {
  /** The first learning rate, above 0. */
  learningRate: number;
  /** Steps after which the rate falls, each time: PyTorch's `step_size`. */
  stepSize: number;
  /** What it is multiplied by then, in (0, 1]. Default 0.1. */
  gamma?: number;
}

/**
 * A learning rate that falls every so many steps, as PyTorch's `StepLR`.
 *
 * @param options The rate, when it falls and how far.
 * @returns The schedule.
 * @throws {OptionError} If an option is out of its range.
 */
export function stepRate(options: StepRateOptions): Schedule {
  const { learningRate, stepSize, gamma = 0.1 } = options;
  requireNumber("learningRate", learningRate, { above: 0 });
  requireInteger("stepSize", stepSize);
  requireNumber("gamma", gamma, { above: 0, max: 1 });
  return {
    description: `from ${learningRate}, times ${gamma} every ${stepSize} steps`,
    rateAt: (step) => learningRate * gamma ** Math.floor(step / stepSize),
  };
}

/** Options of {@linkcode cosineRate}. */
export interface CosineRateOptions {
  /** The first learning rate, above 0. */
  learningRate: number;
  /** Steps until the last rate: PyTorch's `T_max`. */
  steps: number;
  /** The last rate, from there on, at least 0. Default 0. */
  etaMin?: number;
}

/**
 * A learning rate that falls along half a cosine (Loshchilov and Hutter, 2017), as PyTorch's `CosineAnnealingLR`. After its
 * steps, where PyTorch's would rise again, it stays at the last rate.
 *
 * @param options The first and the last rate, and the steps between.
 * @returns The schedule.
 * @throws {OptionError} If an option is out of its range.
 */
export function cosineRate(options: CosineRateOptions): Schedule {
  const { learningRate, steps, etaMin = 0 } = options;
  requireNumber("learningRate", learningRate, { above: 0 });
  requireInteger("steps", steps);
  requireNumber("etaMin", etaMin, { min: 0, max: learningRate });
  return {
    description: `cosine from ${learningRate} to ${etaMin} over ${steps} steps`,
    rateAt: (step) =>
      halfCosine(learningRate, { to: etaMin, share: step / steps }),
  };
}

/** Options of {@linkcode oneCycleRate}. */
export interface OneCycleRateOptions {
  /** The largest learning rate, above 0: PyTorch's `max_lr`. */
  learningRate: number;
  /** Steps of the cycle, that is of the run: PyTorch's `total_steps`. */
  steps: number;
  /** Share of the steps in which the rate rises, in [0, 1]. Default 0.3. */
  pctStart?: number;
  /** The first rate is the largest divided by this, at least 1. Default 25. */
  divFactor?: number;
  /** The last rate is the first divided by this, at least 1. Default 1e4. */
  finalDivFactor?: number;
}

/**
 * A learning rate that rises, then falls to almost nothing (Smith and Topin, 2018), along cosines, as PyTorch's `OneCycleLR`
 * with `cycle_momentum=False`: the momentum does not change.
 *
 * @param options The largest rate, the steps, and the shape of the cycle.
 * @returns The schedule; after its steps it stays at the last rate.
 * @throws {OptionError} If an option is out of its range.
 */
export function oneCycleRate(options: OneCycleRateOptions): Schedule {
  const { learningRate, steps, pctStart = 0.3 } = options;
  const { divFactor = 25, finalDivFactor = 1e4 } = options;
  requireNumber("learningRate", learningRate, { above: 0 });
  requireInteger("steps", steps);
  requireNumber("pctStart", pctStart, { min: 0, max: 1 });
  requireNumber("divFactor", divFactor, { min: 1 });
  requireNumber("finalDivFactor", finalDivFactor, { min: 1 });
  const first = learningRate / divFactor;
  const last = first / finalDivFactor;
  const top = pctStart * steps - 1;
  const end = steps - 1;
  return {
    description: `one cycle up to ${learningRate} over ${steps} steps`,
    rateAt(step) {
      if (step < top) {
        return halfCosine(first, { to: learningRate, share: step / top });
      }
      const share = end > top ? (step - top) / (end - top) : 1;
      return halfCosine(learningRate, { to: last, share });
    },
  };
}

/** Goes half a cosine from one value to another. */
function halfCosine(
  from: number,
  { to, share }: { to: number; share: number },
): number {
  if (share >= 1) return to;
  return to + (from - to) / 2 * (1 + Math.cos(Math.PI * share));
}

/** Options of {@linkcode warmup}. */
export interface WarmupOptions {
  /** Steps until the rate is that of the schedule: PyTorch's `total_iters`. */
  steps: number;
  /** What the first rate is multiplied by, in (0, 1]. Default 1/3. */
  startFactor?: number;
}

/**
 * Lets any schedule begin with smaller learning rates: it multiplies them by a factor that rises to 1 in a line, as PyTorch's
 * `LinearLR` chained with another schedule does.
 *
 * @example
 * ```ts
 * import { cosineRate, warmup } from "@x/alexnet";
 *
 * const schedule = warmup(cosineRate({ learningRate: 0.1, steps: 1000 }), { steps: 100 });
 * console.log(schedule.rateAt(0));
 * ```
 *
 * @param schedule The schedule, whose own steps begin with the first of the warm-up.
 * @param options How long the warm-up is, and where it begins.
 * @returns The schedule with its warm-up.
 * @throws {OptionError} If an option is out of its range.
 */
export function warmup(schedule: Schedule, options: WarmupOptions): Schedule {
  const { steps, startFactor = 1 / 3 } = options;
  requireInteger("steps", steps);
  requireNumber("startFactor", startFactor, { above: 0, max: 1 });
  return {
    description: `${schedule.description}, warmed up over ${steps} ${
      steps === 1 ? "step" : "steps"
    }`,
    rateAt(step) {
      const share = Math.min(step / steps, 1);
      const factor = startFactor + (1 - startFactor) * share;
      return factor * schedule.rateAt(step);
    },
  };
}
