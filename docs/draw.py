"""The pad on the cnn page: its network, trained and exported, and what runs it."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import torch
from torch import Tensor, nn

import cnn
from lab.pad import ink
from tools.data import have_mnist

BUILD = Path(__file__).parent / "_build"
RUNTIME = "onnxruntime-web@1.30.0"
SHA512 = (
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4C\
XAfKYQ=="
)
FILES = {  # .mjs has the wrong type on older servers
    "ort.wasm.bundle.min.mjs": "ort.js",
    "ort-wasm-simd-threaded.wasm": "ort-wasm-simd-threaded.wasm",
}


class Reader(nn.Module):
    """From lines (L, 4), each two points, to all that the page shows."""

    def __init__(self, net: cnn.ImageClassifierCNN, mnist: bool):
        super().__init__()
        self.net, self.mnist = net, mnist

    def forward(self, lines: Tensor) -> dict[str, Tensor]:
        x = ink(*lines.split(2, dim=1), self.mnist)
        one = self.net.pool(self.net.conv1(x).relu())
        two = self.net.pool(self.net.conv2(one).relu())
        p = self.net(x)[0].softmax(dim=0)
        return {"image": x, "probabilities": p, "layer1": one, "layer2": two}


def fetch() -> Path:
    """The archive of the runtime, which npm gets from the registry it is set up for."""
    path = BUILD / f"{RUNTIME.replace('@', '-')}.tgz"
    if not path.exists():
        npm = shutil.which("npm")
        if not npm:
            sys.exit("The site's pad needs npm, to fetch onnxruntime-web: install it")
        line = [npm, "pack", RUNTIME, "--pack-destination", str(BUILD)]
        done = subprocess.run(line, capture_output=True, text=True)
        if done.returncode:
            told = re.findall(r"npm error (.*)", done.stderr) or [done.stderr]
            sys.exit(f"{RUNTIME} cannot be fetched: {', '.join(told)[:200]}")
    digest = hashlib.sha512(path.read_bytes()).digest()
    if base64.b64encode(digest).decode() != SHA512:
        sys.exit(f"{path} is damaged, or not what it was: delete it")
    return path


def main() -> None:
    folder = BUILD / "pad"
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fetch()) as archive:
        for name, ours in FILES.items():
            content = archive.extractfile(f"package/dist/{name}")
            (folder / ours).write_bytes(content.read())
    torch.set_num_threads(1)
    data = "mnist" if have_mnist() else "digits"
    task = cnn.load_digits(data)
    images, _, unseen, _ = task
    mnist = data == "mnist"
    steps = 960 if mnist else 240  # as main() trains it
    net, right = cnn.learn(cnn.ImageClassifierCNN, task, steps, "cpu", seed=0)
    torch.save(net.state_dict(), BUILD / "pad.pt")  # the tests compare with it
    torch.onnx.export(
        Reader(net, mnist).eval(),
        (torch.rand(5, 4),),
        folder / "network.onnx",
        input_names=["lines"],
        output_names=["image", "probabilities", "layer1", "layer2"],
        dynamic_shapes=({0: torch.export.Dim("L")},),
        external_data=False,
        verbose=False,
    )
    told = "digits of MNIST" if mnist else "small digits: expect mistakes"
    told = f"Trained on {len(images):,} {told}. Of {len(unseen):,} unseen ones it reads"
    (BUILD / "pad.json").write_text(json.dumps(f"{told} {right:.1%}."))


if __name__ == "__main__":
    main()
