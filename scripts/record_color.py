"""Records what torchvision makes of small images, for the tests of colorJitter and randomErasing.

Run as `/usr/bin/python3 scripts/record_color.py`; it writes tests/golden/color.json, with the versions of torch and
torchvision. The random numbers that torchvision would draw are replaced by given ones in [0, 1), which are recorded too, so
that it is torchvision's own code that makes factors, rectangles and images of them.
"""

import json
from pathlib import Path
from unittest.mock import patch

import torch
import torchvision
from torchvision.transforms import ColorJitter, RandomErasing
from torchvision.transforms import functional_tensor as F

torch.manual_seed(5)
HEIGHT, WIDTH = 4, 5
SPECIAL = [
    [0, 0, 0], [255, 255, 255], [128, 128, 128], [1, 1, 1], [254, 254, 254],
    [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [0, 255, 255],
    [255, 0, 255], [255, 128, 0], [1, 0, 0], [0, 0, 1], [200, 200, 100],
    [100, 200, 200], [200, 100, 200], [3, 2, 1], [255, 254, 253], [10, 250, 90],
]
BYTES = [
    torch.randint(0, 256, (HEIGHT, WIDTH, 3)),
    torch.randint(0, 256, (HEIGHT, WIDTH, 3)),
    torch.tensor(SPECIAL).reshape(HEIGHT, WIDTH, 3),
]
IMAGES = [b.permute(2, 0, 1).to(torch.float32) / 255 for b in BYTES]
FACTORS = {
    "brightness": [0.4, 1.7],
    "contrast": [0, 0.3, 1.6],
    "saturation": [0, 0.5, 1.8],
    "hue": [-0.5, -0.35, 0.1, 0.45],
}
OPTIONS = {"brightness": 0.4, "contrast": [0.5, 1.9], "saturation": 1.5, "hue": 0.3}
ORDERS = [[0, 1, 2, 3], [1, 2, 3, 0], [3, 2, 1, 0]]
DRAWS = [[0.9, 0.75, 0.25, 0.125], [0.25, 0.875, 0.625, 0.9375], [0.5, 0.125, 0.875, 0.375]]
ERASINGS = [  # A probability not met; a plain one; a second attempt; sides of 2.5; nothing fits.
    {"options": {}, "draws": [0.5]},
    {"options": {}, "draws": [0.25, 0.75, 0.5, 0.9, 0.3]},
    {"options": {"value": [0.1, 0.2, 0.3]}, "draws": [0, 0.99, 0.99, 0.2, 0.2, 0.75, 0.5]},
    {"options": {"p": 1, "scale": [0.3125, 0.3125], "ratio": [1, 1]}, "draws": [0.9, 0, 0, 0.5, 0.5]},
    {"options": {"p": 1, "scale": [1, 1], "value": 0.5}, "draws": [0] + [0.5] * 20},
]


def listed(image):
    """Values of an image as [height, width, channels], to more digits than float32 holds, on one line."""
    return " ".join(f"{v:.9g}" for v in image.permute(1, 2, 0).flatten().tolist())


def given(draws, order=(0, 1, 2, 3)):
    """Has torch draw these numbers."""
    left = iter(draws)
    return (
        patch.object(torch, "rand", lambda *_: torch.tensor([next(left)])),
        patch.object(torch, "randint", lambda low, high, **_: torch.tensor([int(low + next(left) * (high - low))])),
        patch.object(torch, "randperm", lambda _: torch.tensor(order)),
        patch.object(torch.Tensor, "uniform_", lambda t, a, b: t.fill_(a + (b - a) * next(left))),
    )


def applied(transform, image, **drawn):
    """An image after a transform that draws given numbers."""
    a, b, c, d = given(**drawn)
    with a, b, c, d:
        return listed(transform(image))


record = {
    "source": "/usr/bin/python3 scripts/record_color.py",
    "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__},
    "height": HEIGHT,
    "width": WIDTH,
    "images": [listed(b.permute(2, 0, 1)) for b in BYTES],
    "adjustments": [
        {"name": name, "factor": factor, "images": [listed(getattr(F, "adjust_" + name)(i, factor)) for i in IMAGES]}
        for name, factors in FACTORS.items()
        for factor in factors
    ],
    "jitter": {
        "options": OPTIONS,
        "sequences": [
            {
                "order": order,
                "draws": draws,
                "images": [applied(ColorJitter(**OPTIONS), i, draws=draws, order=order) for i in IMAGES],
            }
            for order, draws in zip(ORDERS, DRAWS)
        ],
    },
    "erasings": [
        {**erasing, "image": applied(RandomErasing(**erasing["options"]), IMAGES[0], draws=erasing["draws"])}
        for erasing in ERASINGS
    ],
}
path = Path(__file__).parent.parent / "tests" / "golden" / "color.json"
path.write_text(json.dumps(record, indent=2) + "\n")
