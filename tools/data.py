"""Whether MNIST is at hand: nothing but a lesson's own --data mnist fetches it."""

import os
from pathlib import Path

from tools.catalogue import ROOT


def have_mnist() -> bool:
    """Whether all four files lie in the data folder, packed or not."""
    folder = Path(os.environ.get("NN_DATA", ROOT / "data"), "MNIST", "raw")
    found = {path.name.removesuffix(".gz") for path in folder.glob("*-ubyte*")}
    return len(found) == 4
