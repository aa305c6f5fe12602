"""Where the digits come from, as tests: on disk, fetched, damaged, or not to be had."""

import gzip
import hashlib
import http.server
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from conftest import NN_DATA
from tools.catalogue import lessons

READERS = [x for x in lessons().values() if "\ndef load_digits(" in x.text]
FIRST = READERS[0]
lesson = FIRST.module()  # the loader is the same in all
COUNTS = {"train": 6, "t10k": 4}


def archive(name: str) -> bytes:
    """A small archive of the same form, bytes counted up from 0."""
    count = COUNTS[name.split("-")[0]]
    size = count * 784 if "images" in name else count
    header = bytes(16 if "images" in name else 8)
    return gzip.compress(header + bytes(i % 10 for i in range(size)), mtime=0)


@pytest.fixture
def archives(monkeypatch) -> dict[str, bytes]:
    """Four small archives that the loader takes for the real ones."""
    made = {name: archive(name) for name in lesson.MNIST}
    for name, content in made.items():
        checksum = hashlib.sha256(content).hexdigest()[:32]
        monkeypatch.setitem(lesson.MNIST, name, checksum)
    return made


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "data" / "MNIST" / "raw"  # conftest sets NN_DATA to tmp_path/data


@pytest.fixture
def on_disk(archives, folder) -> Path:
    folder.mkdir(parents=True)
    for name, content in archives.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def mirror(archives, monkeypatch):
    """A mirror on loopback that serves `archives`, as they are by then."""
    datasets = pytest.importorskip("torchvision.datasets")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            content = archives[Path(self.path).name]
            if content is None:  # a mirror that hangs
                return stopped.wait(60)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: getattr(self.server, "cut", None)])

        def log_message(self, *args):
            pass

    stopped = threading.Event()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(datasets.MNIST, "mirrors", [server.address])
        yield server
        stopped.set()
        server.shutdown()


def test_without_mnist_the_small_digits_are_read_and_named(capsys):
    parts = lesson.load_digits("auto")
    assert [len(part) for part in parts] == [1437, 1437, 360, 360]
    assert parts[0].shape[1:] == (1, 28, 28) and parts[0].dtype == torch.float32
    assert parts[0].min() == 0 and parts[0].max() == 1 and parts[1].dtype == torch.long
    printed = capsys.readouterr().out
    assert "1,797 small digits" in printed and "--data mnist" in printed


def test_the_split_is_the_same_for_every_seed_and_has_no_digit_twice():
    torch.manual_seed(1)
    one = lesson.load_digits("digits")
    torch.manual_seed(2)
    two = lesson.load_digits("digits")
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a, b)
    train, test = one[0].flatten(1), one[2].flatten(1)
    assert torch.cdist(test, train).min() > 0


def test_mnist_on_disk_is_used_and_named(on_disk, capsys):
    images, labels, test_images, test_labels = lesson.load_digits("auto")
    assert images.shape == (6, 1, 28, 28) and test_labels.shape == (4,)
    torch.testing.assert_close(images[0, 0, 0, 3], torch.tensor(3 / 255))
    assert labels.tolist() == [0, 1, 2, 3, 4, 5] and labels.dtype == torch.long
    assert "MNIST" in (printed := capsys.readouterr().out)
    assert "--data digits" in printed


def test_digits_are_read_if_asked_for_although_mnist_is_there(on_disk):
    assert len(lesson.load_digits("digits")[0]) == 1437


def test_half_of_mnist_is_no_mnist(on_disk, capsys):
    (on_disk / "t10k-labels-idx1-ubyte.gz").unlink()
    assert len(lesson.load_digits("auto")[0]) == 1437
    assert "1,797 small digits" in capsys.readouterr().out


def test_a_read_only_folder_is_good_enough_to_read(on_disk):
    on_disk.chmod(0o555)
    assert len(lesson.load_digits("mnist")[0]) == 6
    on_disk.chmod(0o755)


@pytest.mark.parametrize("how", ["auto", "mnist"])
def test_a_damaged_file_on_disk_is_named_with_the_mend(on_disk, how):
    path = on_disk / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9] + b"overwrite")
    with pytest.raises(OSError, match="delete it, then run with --data mnist") as error:
        lesson.load_digits(how)
    assert str(path) in str(error.value)


def test_mnist_is_fetched_whole_and_only_what_is_missing(mirror, archives, folder):
    folder.mkdir(parents=True)
    name = "train-labels-idx1-ubyte.gz"
    (folder / name).write_bytes(archives[name])
    archives[name] = b"must not be asked for"
    assert len(lesson.load_digits("mnist")[0]) == 6
    assert sorted(p.name for p in folder.iterdir()) == sorted(archives)


def test_no_test_opens_a_socket_by_default(mirror, folder):
    assert len(lesson.load_digits("auto")[0]) == 1437
    assert not folder.exists()


@pytest.mark.parametrize("harm", ["other bytes", "cut short", "a login page"])
def test_what_arrives_damaged_is_never_kept(mirror, archives, folder, harm):
    name = "train-images-idx3-ubyte.gz"
    if harm == "cut short":
        mirror.cut = 40
    else:
        archives[name] = b"<html>Welcome" if "login" in harm else archives[name][::-1]
    with pytest.raises(OSError, match="--data digits needs no network"):
        lesson.load_digits("mnist")
    assert not list(folder.iterdir())


def test_a_mirror_that_hangs_is_given_up(mirror, archives, folder, monkeypatch):
    set_timeout = socket.setdefaulttimeout
    monkeypatch.setattr(
        socket, "setdefaulttimeout", lambda s: set_timeout(s and s / 10)
    )
    archives["train-images-idx3-ubyte.gz"] = None
    with pytest.raises(OSError, match="timed out.*--data digits needs no network"):
        lesson.load_digits("mnist")
    assert not list(folder.iterdir())


def test_a_dead_network_is_one_line(monkeypatch):
    datasets = pytest.importorskip("torchvision.datasets")
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(OSError, match=r"no MNIST: .*; --data digits needs no network"):
        lesson.load_digits("mnist")


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="no MNIST: .*data.*; --data digits"):
        lesson.load_digits("mnist")


def test_an_error_ends_the_command_line_with_exit_code_2_and_one_line(on_disk):
    (on_disk / "t10k-images-idx3-ubyte.gz").write_bytes(b"harmed")
    command = [sys.executable, str(FIRST.path)]
    run = subprocess.run(command, capture_output=True, text=True)
    usage, line = run.stderr.splitlines()
    assert run.returncode == 2 and "Traceback" not in run.stderr
    assert "is damaged: delete it" in line


def test_two_processes_may_fetch_at_once(mirror, archives, folder):
    code = (
        f"import sys; sys.path.insert(0, {str(FIRST.path.parent)!r})\n"
        f"import torchvision, {FIRST.name} as lesson\n"
        f"torchvision.datasets.MNIST.mirrors = {[mirror.address]!r}\n"
        f"lesson.MNIST = {dict(lesson.MNIST)!r}\n"
        "assert len(lesson.load_digits('mnist')[0]) == 6\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert sorted(p.name for p in folder.iterdir()) == sorted(archives)


def test_the_checksums_are_those_of_the_real_archives_if_they_are_here():
    real = NN_DATA / "MNIST" / "raw"
    if not real.exists():
        pytest.skip("no MNIST in the data folder")
    for name in lesson.MNIST:
        lesson.read_mnist(real / name)


def test_the_names_are_those_of_torchvision():
    datasets = pytest.importorskip("torchvision.datasets")
    assert [name for name, _ in datasets.MNIST.resources] == list(lesson.MNIST)


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS, ids=[x.name for x in READERS])
def test_every_lesson_runs_on_real_mnist_if_it_is_here(reader, monkeypatch, capsys):
    if not (NN_DATA / "MNIST" / "raw").exists():
        pytest.skip("no MNIST in the data folder")
    monkeypatch.setenv("NN_DATA", str(NN_DATA))
    reader.module().main(**reader.smallest | {"data": "mnist"})
    assert "Data: MNIST" in capsys.readouterr().out
