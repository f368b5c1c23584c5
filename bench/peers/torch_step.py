"""One process of the comparison: trains AlexNet on a batch with PyTorch on the CPU and prints how long each step took, as JSON.

`python3 bench/peers/torch_step.py BATCH_SIZE STEPS`

The network, its first weights and the optimizer are those of `src/models/alexnet.ts` and of the other contenders. Images and
filters have the channels first, as PyTorch has them unless it is told otherwise; it computes with a thread per core.
"""

import json
import os
import sys
import time

import torch
from torch import nn

batch_size, steps = map(int, sys.argv[1:])
CLASSES = 10

torch.set_num_threads(os.cpu_count())
torch.manual_seed(0)


def init(layer):
    """Glorot and Bengio's uniform initializer, and no bias."""
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)


net = nn.Sequential(
    nn.Conv2d(1, 96, 11, stride=4), nn.ReLU(), nn.MaxPool2d(3, stride=2),
    nn.Conv2d(96, 256, 5, padding="same"), nn.ReLU(), nn.MaxPool2d(3, stride=2),
    nn.Conv2d(256, 384, 3, padding="same"), nn.ReLU(),
    nn.Conv2d(384, 384, 3, padding="same"), nn.ReLU(),
    nn.Conv2d(384, 256, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(3, stride=2),
    nn.Flatten(),
    nn.Linear(6400, 4096), nn.ReLU(), nn.Dropout(0.5),
    nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5),
    nn.Linear(4096, CLASSES),
).apply(init)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
images = torch.rand(batch_size, 1, 224, 224)
labels = torch.arange(batch_size) % CLASSES


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
times, losses = zip(*(run() for _ in range(steps)))
print(json.dumps({"stepMs": times, "losses": losses}))
