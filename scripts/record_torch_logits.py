"""Records what PyTorch makes of networks that are exported for it, for the tests of `export --layout pytorch`.

Run as `/usr/bin/python3 scripts/record_torch_logits.py`; it needs torch and deno, and writes tests/golden/torch_logits.json,
with the version of torch and a checksum of each exported file. The networks, and how the files are read, are the code that
docs/interchange.md shows. Lists of numbers are strings, to stay on one line.
"""

import hashlib
import json
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

ROOT = Path(__file__).parent.parent
SHOWN = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "interchange.md").read_text(), re.DOTALL)
shown = {}
exec(SHOWN.group(1), shown)  # Defines load().


def recorded(folder, model):
    """The logits of an exported network."""
    path = folder / f"{model}.safetensors"
    values = torch.from_numpy(np.fromfile(folder / f"{model}.images", "<f4"))
    size = {"lenet": 28, "alexnet": 67}[model]
    with torch.no_grad():
        logits = shown["load"](path)(values.reshape(-1, 1, size, size))
    return {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "logits": " ".join(f"{value:.7g}" for value in logits.flatten().tolist()),
    }


with TemporaryDirectory() as folder:
    subprocess.run(["deno", "run", "-A", "tests/io/interchange/torch_networks.ts", folder], cwd=ROOT, check=True)
    record = {
        "source": "/usr/bin/python3 scripts/record_torch_logits.py",
        "versions": {"torch": torch.__version__},
        **{model: recorded(Path(folder), model) for model in ["lenet", "alexnet"]},
    }
path = ROOT / "tests" / "golden" / "torch_logits.json"
path.write_text(json.dumps(record, indent=2) + "\n")
