/**
 * Every option of every command: what it means and what it may be.
 *
 * @module
 */

import { AUGMENTATION_NAMES } from "./augment.ts";
import {
  choice,
  choices,
  duration,
  integer,
  number,
  text,
  toggle,
  workers,
} from "./option_kinds.ts";

/** Every option of every command, by its name without dashes. */
export const OPTIONS = {
  "model": choice("Which network", ["alexnet", "lenet"]),
  "preset": choice(
    "Values for all options below that are not given: the lecture's recipe, or one that shows learning within ten minutes on a slow adapter",
    ["lecture", "quick"],
  ),
  "epochs": integer("N", "Times through the training images", { min: 1 }),
  "batch-size": integer("N", "Images per step", { min: 1 }),
  "optimizer": choice(
    "How gradients change weights: SGD, or Adam, whose step size is 0.001 if not given",
    ["sgd", "adam"],
  ),
  "learning-rate": number("X", "Step size, above 0"),
  "schedule": choice(
    "How the step size changes: not, to a tenth after each third of the run, along a cosine to 0, up to it and down, or to a tenth when the test loss has not fallen for 2 epochs",
    ["constant", "step", "cosine", "one-cycle", "plateau"],
  ),
  "warmup-epochs": number(
    "X",
    "Epochs, or a part of one, in which the step size rises from a third",
  ),
  "momentum": number("X", "Momentum of SGD, in [0, 1)"),
  "weight-decay": number("X", "Weight decay, at least 0"),
  "clip-norm": number(
    "X",
    "Largest norm of all gradients of a step together, above 0",
  ),
  "early-stopping": integer(
    "N",
    "Stop when the test loss has not fallen for N epochs",
    { min: 1 },
  ),
  "dropout": number("X", "Dropout rate of AlexNet, in [0, 1)"),
  "resize": integer("PIXELS", "Height and width of the images", {
    min: 1,
    max: 1024,
  }),
  "seed": integer(
    "N",
    "Seed of weights, order and dropout, 0 to 4294967295",
    { min: 0 },
  ),
  "train-samples": integer("N", "Use the first N training images only", {
    min: 1,
  }),
  "test-samples": integer("N", "Use the first N test images only", { min: 1 }),
  "distributed": toggle(
    "Train together with the other processes that mpirun (or srun) started, each of which takes its part of every batch",
  ),
  "compression": choice(
    "With --distributed: send gradients in float16, and what that rounds off later",
    ["none", "float16"],
  ),
  "sync-every": integer(
    "N",
    "With --distributed: average weights every N steps, in place of gradients at each",
    { min: 1 },
  ),
  "rank-timeout": duration(
    "TIME",
    "With --distributed: how long a process may give no sign of life before all end; 30s if not given",
  ),
  "max-time": duration(
    "TIME",
    "Stop training after e.g. 90s, 10m or 1h30m and evaluate",
  ),
  "precision": choice(
    "What to store activations as; float16 saves memory, needs an adapter with shader-f16 and keeps weights in float32",
    ["float32", "float16"],
  ),
  "device": choice(
    "What to compute on; auto: a GPU or, without one, the CPU with oneDNN",
    ["auto", "webgpu", "cpu"],
  ),
  "tune": toggle(
    "Measure first which kernels are fastest on this adapter, once for it; takes minutes on a slow one",
  ),
  "augment": choices(
    "Random changes of training images: any of these, with commas between",
    AUGMENTATION_NAMES,
  ),
  "workers": workers(
    "N|auto",
    "Workers that make batches where the device cannot; auto: at most cores less one",
  ),
  "data-dir": text(
    "DIR",
    "The only folder to look for the data set and to download it to",
  ),
  "offline": toggle("Never use the network"),
  "source": choice(
    "The full data set, or the sample that comes with this package",
    ["full", "sample"],
  ),
  "save": text(
    "FILE",
    "Write the trained weights to FILE, in the safetensors format",
  ),
  "out": text(
    "RUN",
    "Keep the run in the folder RUN: configuration, metrics, TensorBoard events and checkpoints to go on from",
  ),
  "resume": text(
    "RUN",
    "Go on with the run in the folder RUN, exactly where its last checkpoint was written",
  ),
  "checkpoint-every": integer(
    "N",
    "Write a checkpoint every N steps, besides at the end of each epoch and when the run ends",
    { min: 1 },
  ),
  "keep-checkpoints": integer(
    "N",
    "Keep the last N checkpoints (default 1), beside the best",
    { min: 1 },
  ),
  "measure-train": toggle(
    "Measure the accuracy on the training images as well after each epoch, with dropout off",
  ),
  "log-every": integer("N", "Print loss, accuracy and speed every N steps", {
    min: 1,
  }),
  "progress": toggle(
    "Draw a progress bar where there is a terminal (default); --no-progress: never",
  ),
  "quiet": toggle("Print results only"),
  "json": toggle(
    "Print JSON, one object a line and nothing else on standard output",
  ),
  "top": integer(
    "N",
    "How many of the most likely classes to print; 3 if not given",
    {
      min: 1,
    },
  ),
  "invert": toggle(
    "Exchange light and dark first: for photographs on a light background, as the images of the data set are light on dark",
  ),
  "split": choice("Which images to show", ["train", "test"]),
  "count": integer(
    "N",
    "How many images of the batch to show, or of each IDX file to classify",
    { min: 1 },
  ),
  "batch": integer("N", "Which batch to show, from 1", { min: 1 }),
  "at-epoch": integer(
    "N",
    "Which epoch's order to show, from 1; without it, the order of the data set",
    { min: 1, max: 2 ** 32 },
  ),
  "format": choice(
    "Format to export to or import from (onnx: export only)",
    ["safetensors", "tfjs", "onnx"],
  ),
  "layout": choice(
    "Names and layouts of safetensors: as here, or of a PyTorch state_dict",
    ["keras", "pytorch"],
  ),
  "output": text(
    "PATH",
    "Where to write: a file, and for tfjs a new folder; report: RUN/report.html if not given; data show: a PNG file, fashion-mnist-train.png or -test.png if not given",
  ),
  "verbose": toggle("Print the stack trace of an error"),
  "help": toggle("Print this help"),
} as const;
