"""What benchmarks/cluster.py computes on paper, as tests."""

import pytest

from benchmarks import cluster
from benchmarks.cluster import BYTES, DELAY, LINK, MEMORY, NETWORK, SPEED, STATE


@pytest.mark.parametrize("count", [2, 3, 8])
def test_a_ring_sends_what_the_formula_says(count):
    """Adds up vectors in a ring, first piece by piece, then handing the sums around."""
    size = 4 * count
    vectors = [[float(rank + 1)] * size for rank in range(count)]
    pieces = [range(at, at + 4) for at in range(0, size, 4)]
    sent = [0] * count
    for step in range(2 * (count - 1)):
        messages = []
        for rank in range(count):
            piece = pieces[(rank - step) % count]
            messages.append([(at, vectors[rank][at]) for at in piece])
            sent[rank] += len(piece)
        for rank, message in enumerate(messages):
            for at, value in message:
                mine = vectors[(rank + 1) % count]
                mine[at] = mine[at] + value if step < count - 1 else value
    assert vectors == [[count * (count + 1) / 2] * size] * count
    assert sent == [cluster.ring(count, size)] * count


def test_shares_on_paper():
    size, operations = 4e9, 0.1 * SPEED  # a billion gradients, a tenth of a second
    sending = 1.75 * size / LINK + 14 * DELAY  # of 8 in their node: 15.6 ms
    exposed, left = cluster.shares(8, size, operations)
    assert exposed == pytest.approx(sending / (0.1 + sending)) and left == 0
    sending = 2 * 63 / 64 * size / NETWORK + 126 * DELAY  # of 64: 158 ms, 67 hidden
    exposed, left = cluster.shares(64, size, operations)
    assert exposed == pytest.approx(sending / (0.1 + sending))
    seen = sending - 0.2 / 3
    assert left == pytest.approx(seen / (0.1 + seen))


def test_the_page_shows_every_way_and_every_size():
    known = cluster.known()
    assert [row[0] for row in known["steps"]] == list(cluster.WAYS)
    assert all(len(found) == cluster.ROUNDS for found in known["milliseconds"].values())
    assert [row[1] for row in known["paper"]] == ["8", "64", "1,024"] * 2
    assert known["two"] == "45,096"  # 11,274 parameters, and each sends all of them
    assert known["most"] == f"{MEMORY / STATE / 1e9:.0f}" == "5" and BYTES == 4
