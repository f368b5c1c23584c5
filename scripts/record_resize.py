"""Records what PyTorch's bilinear interpolation makes of Fashion-MNIST images, for the tests of resize.

Run as `/usr/bin/python3 scripts/record_resize.py`; it writes tests/golden/resize.bin.gz, of little-endian numbers, and
tests/golden/resize.json, which says with which version of torch, and what is where. Of the first 16 test images:

- uint16 [16, 224, 224]: bytes resized to 224x224, times 256, which is exact as positions are multiples of 1/16; each row
  but the first of an image is stored as its difference to the row before, modulo 2^16, as that is compressed better.
- float32 [16, 67, 95]: bytes / 255 resized to 67x95.
"""

import gzip
import json
from pathlib import Path

import numpy
import torch
from torch.nn.functional import interpolate

COUNT, EXACT, ODD = 16, [224, 224], [67, 95]
root = Path(__file__).parent.parent
with gzip.open(root / "data" / "sample" / "t10k-images-idx3-ubyte.gz") as file:
    images = numpy.frombuffer(file.read(), numpy.uint8, COUNT * 28 * 28, 16).reshape(COUNT, 1, 28, 28)
images = torch.from_numpy(images.astype(numpy.float32))


def resized(batch, size):
    """Bilinear interpolation, [count, height, width]."""
    return interpolate(batch, size=size, mode="bilinear", align_corners=False).numpy()[:, 0]


exact = resized(images, EXACT) * 256
assert (exact == numpy.round(exact)).all() and exact.max() < 2**16
differences = numpy.diff(exact.astype(numpy.uint16), axis=1, prepend=numpy.uint16(0))
odd = resized(images / 255, ODD)
golden = root / "tests" / "golden"
with open(golden / "resize.bin.gz", "wb") as file:
    file.write(gzip.compress(differences.astype("<u2").tobytes() + odd.astype("<f4").tobytes(), 9, mtime=0))
record = {
    "source": "/usr/bin/python3 scripts/record_resize.py",
    "versions": {"torch": torch.__version__, "numpy": numpy.__version__},
    "count": COUNT,
    "exact": {"height": EXACT[0], "width": EXACT[1]},
    "odd": {"height": ODD[0], "width": ODD[1]},
}
(golden / "resize.json").write_text(json.dumps(record, indent=2) + "\n")
