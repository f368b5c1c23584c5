"""One process of the comparison: trains a network on a batch with PyTorch on the CPU and prints how long each step took, as JSON.

`python3 bench/peers/torch_step.py [--model alexnet|lenet] BATCH_SIZE STEPS`

The networks, their first weights and the optimizer are those of `src/models/` and of the other contenders. Images and filters
have the channels first, as PyTorch has them unless it is told otherwise; it computes with a thread per core.
"""

import argparse
import json
import os
import time

import torch
from torch import nn

CLASSES = 10


def alexnet():
    """The layers of `src/models/alexnet.ts`, which train with a learning rate of 0.01."""
    return nn.Sequential(
        nn.Conv2d(1, 96, 11, stride=4), nn.ReLU(), nn.MaxPool2d(3, stride=2),
        nn.Conv2d(96, 256, 5, padding="same"), nn.ReLU(), nn.MaxPool2d(3, stride=2),
        nn.Conv2d(256, 384, 3, padding="same"), nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding="same"), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(3, stride=2),
        nn.Flatten(),
        nn.Linear(6400, 4096), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(4096, CLASSES),
    )


def lenet():
    """The layers of `src/models/lenet.ts`, which train with a learning rate of 0.9."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding="same"), nn.Sigmoid(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120), nn.Sigmoid(),
        nn.Linear(120, 84), nn.Sigmoid(),
        nn.Linear(84, CLASSES),
    )


# Layers, height and width of the images, learning rate.
MODELS = {"alexnet": (alexnet, 224, 0.01), "lenet": (lenet, 28, 0.9)}

parser = argparse.ArgumentParser()
parser.add_argument("--model", choices=MODELS, default="alexnet")
parser.add_argument("batch_size", type=int)
parser.add_argument("steps", type=int)
options = parser.parse_args()
layers, size, rate = MODELS[options.model]

torch.set_num_threads(os.cpu_count())
torch.manual_seed(0)


def init(layer):
    """Glorot and Bengio's uniform initializer, and no bias."""
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)


net = layers().apply(init)
optimizer = torch.optim.SGD(net.parameters(), lr=rate)
images = torch.rand(options.batch_size, 1, size, size)
labels = torch.arange(options.batch_size) % CLASSES


def run():
    """Trains one step: its milliseconds and its loss."""
    start = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    loss = nn.functional.cross_entropy(net(images), labels)
    loss.backward()
    optimizer.step()
    value = loss.item()
    return (time.perf_counter() - start) * 1000, value


run()  # Chooses and compiles the kernels.
times, losses = zip(*(run() for _ in range(options.steps)))
parameters = sum(weights.numel() for weights in net.parameters())
print(json.dumps({"stepMs": times, "losses": losses, "parameters": parameters}))
