"""Every test: its own folder, the offline digits, no network, nothing left behind."""

import os
import signal
import socket
from pathlib import Path

import matplotlib
import pytest

matplotlib.rcdefaults()  # whatever its user likes
matplotlib.use("agg")
pytest.register_assert_rewrite("tools.contract")  # its tests say what they compared

import matplotlib.pyplot as plt  # noqa: E402
import torch  # noqa: E402

# the real one, before tidy puts an empty one in its place
NN_DATA = Path(os.environ.get("NN_DATA", Path(__file__).parent / "data"))


@pytest.fixture(autouse=True)
def tidy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # figures land here
    monkeypatch.setenv("NN_DATA", str(tmp_path / "data"))  # empty: the offline digits
    connect = socket.socket.connect

    def loopback_only(self, address):
        if self.family != getattr(socket, "AF_UNIX", None) and address[0] not in (
            "127.0.0.1",
            "::1",
        ):
            raise AssertionError(f"a lesson tried to reach {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", loopback_only)
    dtype = torch.get_default_dtype()
    torch.set_num_threads(1)  # as the lessons do
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
    torch.set_default_dtype(dtype)
    plt.close("all")


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)  # tidy restores it


@pytest.fixture
def ctrl_c():
    """Processes hear it, also where the tests run in the background, and do not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
