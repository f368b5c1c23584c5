"""Records what PyTorch's bilinear interpolation makes of Fashion-MNIST images, for the tests of resize.

Run as `/usr/bin/python3 scripts/record_resize.py && deno fmt tests/golden/resize.json`; it writes tests/golden/resize.bin.gz, of little-endian numbers, and
tests/golden/resize.json, which says with which version of torch, and what is where. Of the first 16 test images:

- uint16 [16, 224, 224]: bytes resized to 224x224, times 256, which is exact as positions are multiples of 1/16; each row
  but the first of an image is stored as its difference to the row before, modulo 2^16, as that is compressed better.
- float32 [16, 67, 95]: bytes / 255 resized to 67x95.

resize.json also has what torchvision makes, with antialias=True, of parts of the first image of bytes: float32 as base64. Where
"fit" is "crop", it is torchvision's Resize of the shorter side, and CenterCrop.
"""

import gzip
import json
from base64 import b64encode
from pathlib import Path

import numpy
import torch
import torchvision
from PIL import Image
from torch.nn.functional import interpolate
from torchvision.transforms import functional

COUNT, EXACT, ODD = 16, [224, 224], [67, 95]
root = Path(__file__).parent.parent
with gzip.open(root / "data" / "sample" / "t10k-images-idx3-ubyte.gz") as file:
    images = numpy.frombuffer(file.read(), numpy.uint8, COUNT * 28 * 28, 16).reshape(COUNT, 1, 28, 28)
images = torch.from_numpy(images.astype(numpy.float32))


def resized(batch, size):
    """Bilinear interpolation, [count, height, width]."""
    return interpolate(batch, size=size, mode="bilinear", align_corners=False).numpy()[:, 0]


def antialiased(part, size, fit="stretch"):
    """What torchvision makes of the top left part of the first image; Pillow makes the same."""
    image = images[0, :, : part[0], : part[1]]
    target = min(size) if fit == "crop" else size
    result = functional.resize(image, target, antialias=True)
    pillow = Image.fromarray(image[0].numpy()).resize(tuple(result.shape[:0:-1]), Image.Resampling.BILINEAR)
    assert numpy.abs(numpy.asarray(pillow) - result[0].numpy()).max() < 1e-3
    if fit == "crop":
        result = functional.center_crop(result, size)
    data = b64encode(result.numpy().astype("<f4").tobytes()).decode()
    return {"part": part, "size": size, "fit": fit, "data": data}


exact = resized(images, EXACT) * 256
assert (exact == numpy.round(exact)).all() and exact.max() < 2**16
differences = numpy.diff(exact.astype(numpy.uint16), axis=1, prepend=numpy.uint16(0))
odd = resized(images / 255, ODD)
golden = root / "tests" / "golden"
with open(golden / "resize.bin.gz", "wb") as file:
    file.write(gzip.compress(differences.astype("<u2").tobytes() + odd.astype("<f4").tobytes(), 9, mtime=0))
record = {
    "source": "/usr/bin/python3 scripts/record_resize.py",
    "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__, "numpy": numpy.__version__},
    "count": COUNT,
    "exact": {"height": EXACT[0], "width": EXACT[1]},
    "odd": {"height": ODD[0], "width": ODD[1]},
    "antialiased": [
        antialiased([28, 28], [14, 14]),
        antialiased([28, 28], [1, 1]),
        antialiased([28, 28], [27, 28]),
        antialiased([28, 21], [10, 17]),
        antialiased([28, 21], [5, 40]),
        antialiased([17, 28], [30, 9]),
        antialiased([28, 21], [9, 9], "crop"),
        antialiased([19, 28], [10, 10], "crop"),
    ],
}
(golden / "resize.json").write_text(json.dumps(record, indent=2) + "\n")
