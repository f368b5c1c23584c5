"""Records the learning rates of PyTorch's schedules and the weights of its Adam, for the tests of ours.

Run as `/usr/bin/python3 scripts/record_schedules.py` (Debian: python3-torch); it writes tests/golden/schedules.json, with the
version of torch. Everything is computed in float64. Lists of numbers are strings, to stay on one line.
"""

import json
import warnings
from pathlib import Path

import torch
from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    CosineAnnealingLR,
    LinearLR,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)

warnings.simplefilter("ignore")  # Schedules are stepped here without their optimizers.
RATE = 0.3
STEPS = 40


def listed(numbers):
    """Numbers on one line."""
    return " ".join(repr(float(n)) for n in numbers)


def sgd(rate=RATE):
    """An optimizer whose learning rate can be looked at."""
    return SGD([torch.zeros(1, requires_grad=True)], lr=rate)


def rates(make, count):
    """Learning rates of the steps of a schedule."""
    optimizer = sgd()
    schedule = make(optimizer)
    found = []
    for _ in range(count):
        found.append(optimizer.param_groups[0]["lr"])
        if len(found) < count:  # OneCycleLR refuses more steps than it has.
            schedule.step()
    return listed(found)


def warmed(make, options):
    """A schedule after a linear warm-up, which both change the rate."""
    return lambda o: ChainedScheduler([LinearLR(o, **options), make(o)])


def schedule(kind, options, make, count=STEPS, warmup=None):
    """A schedule, in our words, and its rates."""
    return {"kind": kind, "options": options, "warmup": warmup, "rates": rates(make, count)}


def step(size, **more):
    return lambda o: StepLR(o, step_size=size, **more)


def cosine(steps, **more):
    return lambda o: CosineAnnealingLR(o, T_max=steps, **more)


def one_cycle(total, top=RATE, **more):
    return lambda o: OneCycleLR(o, max_lr=top, total_steps=total, **more)


SCHEDULES = [
    schedule("step", {"stepSize": 7}, step(7)),
    schedule("step", {"stepSize": 10, "gamma": 0.5}, step(10, gamma=0.5)),
    schedule("cosine", {"steps": 39}, cosine(39)),
    schedule("cosine", {"steps": 39, "etaMin": 0.01}, cosine(39, eta_min=0.01)),
    schedule("one-cycle", {"steps": 40}, one_cycle(40)),
    schedule("one-cycle", {"steps": 17}, one_cycle(17), 17),
    schedule("one-cycle", {"steps": 3}, one_cycle(3), 3),
    schedule(
        "one-cycle",
        {"steps": 40, "pctStart": 0.5, "divFactor": 10, "finalDivFactor": 100},
        one_cycle(40, pct_start=0.5, div_factor=10, final_div_factor=100),
    ),
    schedule("constant", {}, lambda o: LinearLR(o, total_iters=8), warmup={"steps": 8}),
    schedule(
        "constant",
        {},
        lambda o: LinearLR(o, start_factor=0.001, total_iters=5),
        warmup={"steps": 5, "startFactor": 0.001},
    ),
    schedule("step", {"stepSize": 10}, warmed(step(10), {"total_iters": 15}), warmup={"steps": 15}),
    schedule("cosine", {"steps": 39}, warmed(cosine(39), {"total_iters": 6}), warmup={"steps": 6}),
]

# A value that falls, stays, falls by little, rises and falls again.
VALUES = [3, 2, 1.5, 1.5, 1.49999, 1.6, 1.5, 1.4999, 1.2, 1.3, 1.3, 1.3, 1.3, 1.3, 1.3, 1.3, 1.1, 1.2, 1.2, 1.2, 1.2, 1.2]


def plateau(ours, theirs):
    """Learning rates after each value."""
    optimizer = sgd()
    reduce = ReduceLROnPlateau(optimizer, **theirs)
    found = []
    for value in VALUES:
        reduce.step(-value if theirs.get("mode") == "max" else value)
        found.append(optimizer.param_groups[0]["lr"])
    return {"options": ours, "rates": listed(found)}


PLATEAUS = [
    plateau({}, {}),
    plateau({"patience": 2}, {"patience": 2}),
    plateau({"patience": 0, "factor": 0.5}, {"patience": 0, "factor": 0.5}),
    plateau({"patience": 1, "cooldown": 2}, {"patience": 1, "cooldown": 2}),
    plateau({"patience": 1, "minLearningRate": 0.02}, {"patience": 1, "min_lr": 0.02}),
    plateau(
        {"patience": 1, "threshold": 0.2, "thresholdMode": "abs"},
        {"patience": 1, "threshold": 0.2, "threshold_mode": "abs"},
    ),
    plateau({"patience": 1, "threshold": 0.1}, {"patience": 1, "threshold": 0.1}),
    plateau({"patience": 1, "mode": "max"}, {"patience": 1, "mode": "max"}),
    plateau(
        {"patience": 1, "mode": "max", "threshold": 0.2, "thresholdMode": "abs"},
        {"patience": 1, "mode": "max", "threshold": 0.2, "threshold_mode": "abs"},
    ),
]

torch.manual_seed(3)
SIZE = 6
START = torch.rand(SIZE, dtype=torch.float64) * 2 - 1
GRADIENTS = [torch.rand(SIZE, dtype=torch.float64) * 2 - 1 for _ in range(12)]


def weights(kind, ours, theirs):
    """The weights after each step of an optimizer."""
    weight = START.clone().requires_grad_()
    optimizer = {"adam": Adam, "adamW": AdamW}[kind]([weight], **theirs)
    found = []
    for gradient in GRADIENTS:
        weight.grad = gradient.clone()
        optimizer.step()
        found.append(listed(weight.detach()))
    return {"kind": kind, "options": ours, "weights": found}


OPTIMIZERS = [
    weights("adam", {}, {}),
    weights("adam", {"learningRate": 0.1, "weightDecay": 0.2}, {"lr": 0.1, "weight_decay": 0.2}),
    weights(
        "adam",
        {"learningRate": 0.02, "beta1": 0.5, "beta2": 0.7, "epsilon": 0.01},
        {"lr": 0.02, "betas": (0.5, 0.7), "eps": 0.01},
    ),
    weights("adam", {"beta1": 0, "beta2": 0}, {"betas": (0, 0)}),
    weights("adamW", {"learningRate": 0.1}, {"lr": 0.1}),
    weights("adamW", {"learningRate": 0.1, "weightDecay": 0.5}, {"lr": 0.1, "weight_decay": 0.5}),
]

record = {
    "source": "/usr/bin/python3 scripts/record_schedules.py",
    "versions": {"torch": torch.__version__},
    "learningRate": RATE,
    "schedules": SCHEDULES,
    "values": listed(VALUES),
    "plateaus": PLATEAUS,
    "start": listed(START),
    "gradients": [listed(g) for g in GRADIENTS],
    "optimizers": OPTIMIZERS,
}
path = Path(__file__).parent.parent / "tests" / "golden" / "schedules.json"
path.write_text(json.dumps(record, indent=2) + "\n")
