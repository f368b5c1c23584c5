"""Records what torchvision's RandomCrop and hflip make of small images, for the tests of randomCrop.

Run as `/usr/bin/python3 scripts/record_crops.py`; it writes tests/golden/crops.json, with the versions of torch and
torchvision. It is torchvision's own code that pads and crops: only the draw of the place, RandomCrop.get_params, is replaced
by a given one, which is recorded with the number of places there are. Lists of numbers are strings, to stay on one line.
"""

import json
from itertools import cycle
from pathlib import Path
from unittest.mock import patch

import torch
import torchvision
from torchvision.transforms import RandomCrop
from torchvision.transforms import functional as F

torch.manual_seed(7)
HEIGHT, WIDTH = 5, 6
CHANNELS = [1, 3]
IMAGES = [torch.randint(0, 256, (c, HEIGHT, WIDTH), dtype=torch.uint8) for c in CHANNELS]
MODES = ["constant", "edge", "reflect", "symmetric"]
ASKED = [  # Size, padding, whether to pad if needed.
    ([4, 5], [2], False),
    ([6, 3], [1, 3], False),
    ([4, 9], [2, 0, 1, 3], False),
    ([8, 6], None, True),  # Too low.
    ([3, 9], None, True),  # Too narrow.
    ([8, 10], None, True),  # Both.
    ([9, 11], [1, 0, 2, 1], True),  # Both in spite of the padding.
    ([9, 8], [2, 1], True),  # Too low in spite of the padding.
    ([3, 4], [1], True),  # Not needed.
]
SHARES = cycle([(0.3, 0.8), (0, 1), (0.6, 0.4), (1, 0), (0.5, 0.2)])  # Of the way from the first place to the last.


def listed(numbers):
    """Numbers on one line."""
    return " ".join(str(n) for n in numbers)


def values(image):
    """Values of an image as [height, width, channels]."""
    return listed(image.permute(1, 2, 0).flatten().tolist())


def recorded(size, padding, is_if_needed, mode):
    """One random crop of both images at one place."""
    fill = 7 if mode == "constant" and padding else 0
    shares = next(SHARES)
    drawn = {}

    def given(image, asked):
        counts = [image.shape[1] - asked[0] + 1, image.shape[2] - asked[1] + 1]
        place = [round(share * (count - 1)) for share, count in zip(shares, counts)]
        drawn.update(place=listed(place), counts=listed(counts))
        return (*place, *asked)

    with patch.object(RandomCrop, "get_params", staticmethod(given)):
        crop = RandomCrop(size, padding if padding is None or len(padding) > 1 else padding[0], is_if_needed, fill, mode)
        results = [values(crop(image)) for image in IMAGES]
    return {
        "size": listed(size),
        "padding": listed(padding or []),
        "padIfNeeded": is_if_needed,
        "fill": fill,
        "paddingMode": mode,
        **drawn,
        "results": results,
    }


record = {
    "source": "/usr/bin/python3 scripts/record_crops.py",
    "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__},
    "height": HEIGHT,
    "width": WIDTH,
    "images": [values(image) for image in IMAGES],
    "flipped": [values(F.hflip(image)) for image in IMAGES],
    "crops": [recorded([3, 4], None, False, "constant"), recorded([5, 6], None, False, "constant")]
    + [recorded(*asked, mode) for mode in MODES for asked in ASKED],
}
path = Path(__file__).parent.parent / "tests" / "golden" / "crops.json"
path.write_text(json.dumps(record, indent=2) + "\n")
