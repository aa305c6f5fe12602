"""Where the digits come from, as tests: scikit-learn's, or MNIST on the disk."""

import struct
from pathlib import Path

import pytest
import torch

from conftest import NN_DATA
from tools.catalogue import lessons
from tools.data import have_mnist
from tools.parts import renewed

READERS = [x for x in lessons().values() if "\ndef load_digits(" in x.text]
READERS = [x for x in READERS if x.text == renewed(x.text)]
COUNTS = {"train": 6, "t10k": 4}
lesson = READERS[0].module()  # the loader is the same in all


def idx(kind: str, count: int) -> bytes:
    """A small file of MNIST's form, bytes counted up from 0."""
    if kind == "labels":
        return struct.pack(">II", 2049, count) + bytes(range(count))
    size = count * 784
    pixels = bytes(i % 256 for i in range(size))
    return struct.pack(">IIII", 2051, count, 28, 28) + pixels


@pytest.fixture
def on_disk(tmp_path) -> Path:
    folder = tmp_path / "data" / "MNIST" / "raw"  # conftest sets NN_DATA to it
    folder.mkdir(parents=True)
    for part, count in COUNTS.items():
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx("images", count))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx("labels", count))
    return folder


def test_the_small_digits_are_1_437_to_train_on_and_360_to_test():
    images, labels, test_images, test_labels = lesson.load_digits("digits")
    assert images.shape == (1437, 1, 28, 28) and labels.shape == (1437,)
    assert test_images.shape == (360, 1, 28, 28) and test_labels.shape == (360,)
    assert images.min() == 0 and images.max() == 1
    assert images.dtype == torch.float32 and labels.dtype == torch.long


def test_a_label_says_which_digit_the_image_shows():
    from sklearn import datasets

    known = datasets.load_digits()
    small = torch.tensor(known.images).float() / 16
    images, labels, *_ = lesson.load_digits("digits")
    corners = images[:, 0, ::27, ::27].flatten(1)  # interpolation keeps the corners
    for image, corner, label in zip(images[:20], corners[:20], labels, strict=False):
        like = (small[:, ::7, ::7].flatten(1) - corner).abs().sum(dim=1) < 1e-5
        ink = (small.mean(dim=(1, 2)) - image.mean()).abs() < 0.02
        assert label in torch.tensor(known.target)[like & ink]


def test_the_split_is_the_same_for_every_seed_and_has_no_digit_twice():
    torch.manual_seed(1)
    one = lesson.load_digits("digits")
    torch.manual_seed(2)
    two = lesson.load_digits("digits")
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a, b)
    train, test = one[0].flatten(1), one[2].flatten(1)
    assert torch.cdist(test, train).min() > 0


def test_mnist_is_read_from_the_folder_that_nn_data_names(on_disk):
    images, labels, test_images, test_labels = lesson.load_digits("mnist")
    assert images.shape == (6, 1, 28, 28) and test_images.shape == (4, 1, 28, 28)
    assert labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert test_labels.tolist() == [0, 1, 2, 3]
    torch.testing.assert_close(images[0, 0, 0, 3], torch.tensor(3 / 255))
    assert images.max() == 1 and images.dtype == torch.float32


def test_the_small_digits_are_read_although_mnist_is_there(on_disk):
    assert len(lesson.load_digits("digits")[0]) == 1437


def test_nothing_is_fetched_unless_it_is_asked_for(tmp_path):
    lesson.load_digits("digits")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "content", [b"", b"<html>", bytes(20), b"\0\0\x08\x03half", b"\0\0\x0a\x03half"]
)
def test_of_half_a_file_of_mnist_one_line_says_where_it_lies(on_disk, content):
    (on_disk / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(SystemExit, match="^--data mnist: .+ or use --data digits.$"):
        lesson.load_digits("mnist")


def test_without_a_network_one_line_says_where_mnist_is_not_and_what_to_do(monkeypatch):
    from torchvision.datasets import MNIST

    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(SystemExit, match="^--data mnist: .+ or use --data digits.$"):
        lesson.load_digits("mnist")


def test_mnist_is_at_hand_if_all_four_files_are_packed_or_not(on_disk):
    assert have_mnist()
    one = on_disk / "t10k-labels-idx1-ubyte"
    one.rename(one.with_suffix(".gz"))
    assert have_mnist()
    one.with_suffix(".gz").unlink()
    assert not have_mnist()


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS, ids=[x.name for x in READERS])
def test_every_lesson_runs_on_real_mnist_if_it_is_here(reader, monkeypatch):
    monkeypatch.setenv("NN_DATA", str(NN_DATA))
    if not have_mnist():
        pytest.skip("no MNIST in the data folder")
    reader.module().main(**reader.smallest | {"data": "mnist"})
