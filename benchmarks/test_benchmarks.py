"""What benchmarks/ computes, as tests; no time is asserted here."""

import json
import statistics
import time

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import autoencoder
from benchmarks import __main__ as bench
from benchmarks import ablation, cluster, floors, growth, race, recipes, site
from benchmarks import mistakes as over_seeds
from benchmarks.cluster import BYTES, DELAY, LINK, MEMORY, NETWORK, SPEED, STATE
from mistakes import __main__ as mistakes
from tools.catalogue import LessonError, lessons
from tools.runner import LostError, Run, RunError


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
    assert all(len(found) >= 5 for found in known["milliseconds"].values())
    assert [row[1] for row in known["paper"]] == ["8", "64", "1,024"] * 2
    assert known["two"] == "45,096"  # 11,274 parameters, and each sends all of them
    assert known["most"] == f"{MEMORY / STATE / 1e9:.0f}" == "5" and BYTES == 4


# Growth


def test_the_exponent_of_a_power_is_found():
    sizes = [1, 2, 4, 8, 16]
    values = [10 + 3 * size**2 for size in sizes]  # small sizes pay for other things
    assert growth.exponent(sizes, [3 * size**2 for size in sizes]) == pytest.approx(2)
    assert 1.8 < growth.exponent(sizes, values) < 2
    assert growth.exponent(sizes, [7] * 5) == pytest.approx(0)


def test_what_is_kept_for_the_backward_pass_is_counted_once():
    x = torch.ones(1000, requires_grad=True)
    assert growth.kept(lambda: (x * x).sum().backward()) == 4000 / 1e6
    assert growth.kept(lambda: (x.exp() * x).sum().backward()) == 2 * 4000 / 1e6
    half = growth.self_attention(length=512)
    ratio = growth.kept(growth.self_attention(length=1024)) / growth.kept(half)
    assert 3 < ratio < 4  # weights of T x T, and some that grow with T


# Races


def test_a_summary_takes_ratios_pair_by_pair():
    found = race.summary([[1.0, 2.0], [30.0, 20.0], [3.0, 3.0]])
    assert found == {"pairs": 3, "ours": 3.0, "theirs": 3.0, "ratio": [0.5, 1.0, 1.5]}


def test_both_sides_of_a_race_run_in_turns():
    order = []
    sides = [
        lambda: order.append("ours") or time.sleep(0.002),
        lambda: order.append("theirs") or time.sleep(0.001),
    ]
    found = race.pairs(*sides, threads=1, count=3, seconds=0.1)
    changes = [side for n, side in enumerate(order) if side != order[n - 1]]
    turns = len(changes) // 2
    assert changes == ["ours", "theirs"] * turns and turns > 3 * 2
    assert found["threads"] == 1 and found["ratio"] == sorted(found["ratio"])


def test_the_attention_of_a_race_gives_what_the_built_in_gives():
    torch.manual_seed(0)
    ours = race.attend(8, ours=True)()
    torch.manual_seed(0)
    torch.testing.assert_close(ours, race.attend(8, ours=False)())


def test_the_first_turn_warms_up():
    taken = []
    found = race.turns(["a", "b"], lambda code: taken.append(code) or len(taken), 2)
    assert found == [[3, 4], [5, 6]] and taken == ["a", "b"] * 3


def test_an_opponent_is_read_when_ours_ends_and_at_its_end():
    ours = {"whole": 12, "runs": [[1, 10, 0.991]]}
    theirs = {"whole": 40, "runs": [[0.3, 9, 0.95], [0.4, 11, 0.96], [1, 30, 0.98]]}
    found = race.against("tuned", 1, [(ours, theirs)])
    assert found["accuracies"] == [0.991, 0.96] and found["ended"] == 0.98
    assert found["ratio"] == [0.3] * 3 and found["training"] == round(1 / 3, 4)
    short = {"whole": 9, "runs": [[1, 7, 0.97]]}  # it has ended before
    assert race.against("tuned", 1, [(ours, short)])["accuracies"] == [0.991, 0.97]


def test_a_process_of_its_own_has_a_folder_of_its_own():
    assert race.alone("-c", "import os; print(len(os.listdir()))") == "0"


@pytest.mark.parametrize("recipe", [*recipes.DIGITS][1:])
def test_an_opponent_learns(recipe, monkeypatch, capsys):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    if recipe == "keras":
        pytest.importorskip("keras")
    monkeypatch.setattr(recipes, "PARTS", 2)
    images = None if recipe == "tuned" else 256  # all, for it has one epoch in all
    digits = [part[:images] for part in autoencoder.load_digits("digits")]
    times, last = [], 0.0
    for epoch, seconds, accuracy, _ in recipes.DIGITS[recipe](digits, 0, deadline=1e-9):
        times.append((epoch, seconds))
        last = accuracy
    assert times == sorted(times) and times[0][0] in (0.5, 1)  # at the deadline
    most = {"tuned": 1, "scikit-learn": recipes.SHORT}.get(recipe, recipes.EPOCHS)
    assert times[-1][0] == most
    assert last > 0.25


# Ablation


@pytest.mark.parametrize("name", ablation.LEFT_OUT)
def test_each_ingredient_can_be_left_out_and_cnn_still_trains(name):
    module = ablation.without(ablation.LEFT_OUT[name])
    torch.manual_seed(0)
    digits = [part[:500] for part in autoencoder.load_digits("digits")]
    network = module["ImageClassifierCNN"]()
    images, labels, unseen, answers = digits
    module["train"](network, images, labels, steps=20)
    assert module["accuracy"](network, unseen, answers) > 0.5


def test_an_ingredient_that_is_gone_is_named():
    with pytest.raises(SystemExit, match="0 times: flux capacitor"):
        ablation.without([("flux capacitor", "")])


# Floors


def test_operations_are_those_that_pytorch_counts():
    network, x = torch.nn.Conv2d(1, 3, 5), torch.randn(2, 1, 28, 28)
    attention = torch.nn.MultiheadAttention(16, 2, batch_first=True)
    y = torch.randn(2, 5, 16)
    found = []
    for counted in floors.Operations(), FlopCounterMode(display=False):
        with counted:
            (network(x).sum() + attention(y, y, y)[0].sum()).backward()
        found.append(counted)
    assert found[0].total == found[1].get_total_flops() > 0


def test_a_convolution_and_its_gradients_by_hand():
    network, x = torch.nn.Conv2d(1, 3, 5), torch.randn(2, 1, 28, 28)
    with floors.Operations() as counted:
        network(x).sum().backward()  # the input needs no gradient
    assert counted.total == 2 * (2 * 2 * 3 * 24 * 24 * 25)


# The tables


def test_the_table_is_what_the_json_says():
    head, *shown, together = bench.table()
    runs = json.loads(bench.KEPT.read_text())["runs"]
    for row, lesson in zip(shown, lessons().values(), strict=True):
        cells = dict(zip(head, row, strict=True))
        assert cells["lesson"] == f"`{lesson.file}`"
        found = runs["digits"][lesson.name]
        assert len(found) >= 5
        middle = statistics.median(one["wall"] for one in found)
        assert cells["s, digits"] == f"{middle:.1f}"
    assert together[0] == "together"


def test_a_lesson_that_is_not_measured_yet_has_dashes_in_its_row(monkeypatch, tmp_path):
    (tmp_path / "table.json").write_text('{"runs": {"digits": {}, "mnist": {}}}')
    (tmp_path / "seeds.jsonl").write_text("")
    monkeypatch.setattr(bench, "KEPT", tmp_path / "table.json")
    monkeypatch.setattr(bench, "SEEDS", tmp_path / "seeds.jsonl")
    row = bench.table()[1]
    assert row[3:] == ["-", "-", "-", "not tried yet"]


def test_times_of_two_machines_never_share_a_table(monkeypatch):
    before = bench.KEPT.read_text()
    monkeypatch.setattr(bench, "machine", lambda: {"processor": "abacus"})
    with pytest.raises(SystemExit, match="measure all lessons, not only cnn"):
        bench.measure_table(["cnn"], 1)
    assert bench.KEPT.read_text() == before


def test_the_readme_and_the_site_s_tables_are_those_of_the_records():
    text = (bench.ROOT / "README.md").read_text(encoding="utf-8")
    renew = "renew it: python -m benchmarks render"
    assert bench.readme(text, bench.readme_tables()) == text, renew
    kept = json.loads(bench.TABLES.read_text(encoding="utf-8"))
    assert kept == json.loads(json.dumps(bench.tables())), renew


def test_every_claim_in_the_readme_was_tried_with_seeds_of_this_very_code():
    for lesson in lessons().values():
        tried = bench.tried(lesson)
        assert tried, f"python -m benchmarks seeds {lesson.name}"
        assert min(len(found) for found in tried.values()) >= 5


def test_a_damaged_record_is_named_with_its_line(monkeypatch, tmp_path):
    kept = tmp_path / "seeds.jsonl"
    kept.write_text('{"lesson": "cnn"}\n{"lesson": "cn')
    monkeypatch.setattr(bench, "SEEDS", kept)
    with pytest.raises(LessonError, match=r"seeds\.jsonl, line 2 is damaged: .+"):
        bench.records()


@pytest.mark.parametrize("left", ["", '{"seed": 0}\n', '{"seed": 0}'])
def test_a_record_never_stands_on_the_line_of_another(monkeypatch, tmp_path, left):
    monkeypatch.setattr(bench, "SEEDS", tmp_path / "seeds.jsonl")
    bench.SEEDS.write_text(left)
    bench.append('{"seed": 1}')
    bench.append('{"seed": 2}')
    assert [record["seed"] for record in bench.records()] == [0] * bool(left) + [1, 2]


def test_what_a_full_disk_has_taken_of_a_record_is_taken_back(monkeypatch, tmp_path):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(bench, "SEEDS", tmp_path / "seeds.jsonl")
    bench.append('{"seed": 1}')
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, before[1]))  # bytes of a file
    try:
        with pytest.raises(OSError, match="No space left"):
            bench.append('{"seed": 2}')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert bench.SEEDS.read_text() == '{"seed": 1}\n'


def test_a_seed_counts_once_whoever_has_measured_it(monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "SEEDS", tmp_path / "seeds.jsonl")
    lesson = lessons()["rnn"]
    key = {"lesson": "rnn", "data": "none", "code": bench.recipe(lesson)}

    def meanwhile(lesson, seed):  # somebody else measures the same seed
        bench.append(json.dumps(key | {"seed": seed, "holds": 1.0}))
        return {"holds": 1.0}, {"wall": 1.0}, {}

    monkeypatch.setattr(bench, "measure", meanwhile)
    bench.seeds(["rnn"], 2, "digits")
    assert [record["seed"] for record in bench.records()] == [0, 0, 1, 1]
    assert [len(found) for found in bench.tried(lesson).values()] == [2]


def test_what_is_saved_in_the_readme_while_it_is_rendered_stays(monkeypatch, tmp_path):
    page = tmp_path / "README.md"
    text = (bench.ROOT / "README.md").read_text(encoding="utf-8")
    page.write_text(text, encoding="utf-8")
    parts = bench.readme_tables()

    def half_a_minute():
        page.write_text(f"{text}\nA new paragraph.\n", encoding="utf-8")
        return parts

    monkeypatch.setattr(bench, "readme_tables", half_a_minute)
    monkeypatch.setattr(bench, "tables", dict)
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "TABLES", tmp_path / "tables.json")
    bench.render()
    assert page.read_text(encoding="utf-8").endswith("\nA new paragraph.\n")
    page.write_bytes(b"\xff")
    monkeypatch.setattr(bench, "readme_tables", lambda: parts)
    with pytest.raises(LessonError, match="README.md: not UTF-8"):
        bench.render()


def test_a_table_measured_meanwhile_stays(monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "PICTURES", tmp_path)
    monkeypatch.setattr(bench, "KEPT", tmp_path / "table.json")
    monkeypatch.setattr(bench, "render", lambda: None)
    monkeypatch.setenv("NN_DATA", str(tmp_path))  # no MNIST lies there

    def kept(**digits):
        bench.KEPT.write_text(
            json.dumps(bench.machine() | {"runs": {"digits": digits}})
        )

    def meanwhile(lesson, **options):
        kept(rnn=[{"wall": 2.0}])
        return {}, {"wall": 1.0}, {}

    kept()
    monkeypatch.setattr(bench, "measure", meanwhile)
    bench.measure_table(["cnn"], 1)
    found = json.loads(bench.KEPT.read_text())["runs"]["digits"]
    assert found == {"rnn": [{"wall": 2.0}], "cnn": [{"wall": 1.0}]}


def test_a_claim_that_nobody_could_try_does_not_count_as_held(capsys):
    with pytest.raises(LessonError, match="no claim was tried"):
        bench.claims(["rnn"], 1, "mnist")
    assert "rnn             reads no MNIST: not asked" in capsys.readouterr().out


def test_pictures_are_replaced_with_their_table_or_not_at_all(monkeypatch, tmp_path):
    picture, table = tmp_path / "cnn.png", tmp_path / "table.json"
    picture.write_text("old")
    table.write_text(old := json.dumps(bench.machine() | {"runs": {}}))

    def broken_off(lesson, **options):
        if options.get("data") == "mnist" or lesson.name != "cnn":
            raise KeyboardInterrupt
        return {}, {"wall": 1.0}, {"cnn.png": b"new"}

    monkeypatch.setattr(bench, "PICTURES", tmp_path)
    monkeypatch.setattr(bench, "measure", broken_off)
    monkeypatch.setattr(bench, "KEPT", table)
    monkeypatch.setattr(bench, "render", lambda: None)
    monkeypatch.setenv("NN_DATA", str(tmp_path))  # no MNIST lies there
    with pytest.raises(KeyboardInterrupt):
        bench.measure_table(["cnn", "rnn"], 1)
    assert picture.read_text() == "old" and table.read_text() == old
    bench.measure_table(["cnn"], 1)
    assert picture.read_text() == "new"
    assert json.loads(table.read_text())["runs"]["digits"]["cnn"]


@pytest.mark.parametrize("file", ["KEPT", "SEEDS"])
def test_of_damaged_records_nothing_is_rendered(monkeypatch, tmp_path, file):
    (tmp_path / "docs").mkdir()
    page = tmp_path / "README.md"
    page.write_text("words")
    (tmp_path / "damaged").write_text('{"runs": ')
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, file, tmp_path / "damaged")
    with pytest.raises(LessonError, match="damaged.* is damaged"):
        bench.render()
    assert page.read_text() == "words"


def test_on_a_full_disk_the_readme_stays_as_it_was(monkeypatch, tmp_path):
    resource = pytest.importorskip("resource")
    page = tmp_path / "README.md"
    page.write_text("words")
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "readme", lambda text, parts: 1000 * text)
    monkeypatch.setattr(bench, "readme_tables", dict)
    monkeypatch.setattr(bench, "tables", dict)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # bytes of a file
    try:
        with pytest.raises(OSError):
            bench.render()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert page.read_text() == "words"


@pytest.fixture
def nothing_yet(monkeypatch, tmp_path):
    """An evening in a folder without pictures and without a site."""
    monkeypatch.setattr(bench, "FIGURES", tmp_path / "figures")
    monkeypatch.setattr(site, "PLACES", [tmp_path / "site"])
    return tmp_path


def test_evening_names_every_lesson_and_ends_badly_if_a_claim_does_not_hold(
    monkeypatch, capsys, nothing_yet
):
    def full(lesson, **options):
        held = float(lesson.name != "rnn")
        return Run({"holds": held}, "", {"wall": 2.0}, bench.HERE)

    monkeypatch.setattr(bench.store, "full", full)
    with pytest.raises(SystemExit, match="Not every claim held"):
        bench.evening([], "digits")
    printed = capsys.readouterr().out
    assert [name for name in lessons() if name not in printed] == []
    assert "rnn                  2.0   does NOT hold" in printed
    bench.evening(["cnn"], "digits")
    assert "together             2.0" in capsys.readouterr().out


def test_evening_goes_on_after_a_lesson_that_fails(monkeypatch, capsys, nothing_yet):
    def full(lesson, **options):
        if lesson.name == "rnn":
            raise RunError("rnn.py: OSError: no disk")
        return Run({"holds": 1.0}, "", {"wall": 2.0}, bench.HERE)

    monkeypatch.setattr(bench.store, "full", full)
    with pytest.raises(SystemExit, match="Not every claim held"):
        bench.evening(["rnn", "cnn"], "digits")
    printed = capsys.readouterr().out
    assert "FAILS: rnn.py: OSError: no disk" in printed
    assert "cnn                  2.0   holds" in printed

    def in_the_way(run):
        raise IsADirectoryError("rnn.png is a folder")

    monkeypatch.setattr(bench, "keep_pictures", in_the_way)
    with pytest.raises(SystemExit, match="Not every claim held"):
        bench.evening(["cnn", "cnnrnn"], "digits")
    assert capsys.readouterr().out.count("FAILS: rnn.png is a folder") == 2


def test_pictures_of_another_evening_do_not_stand_for_a_lesson_that_fails(
    monkeypatch, nothing_yet
):
    def full(lesson, **options):
        raise RunError("cnn.py: OSError: no disk")

    monkeypatch.setattr(bench.store, "full", full)
    bench.FIGURES.mkdir()
    for name in ("cnn.png", "cnn_layers.png", "cnnrnn.png"):
        (bench.FIGURES / name).write_text("of another evening")
    with pytest.raises(SystemExit, match="Not every claim held"):
        bench.evening(["cnn"], "digits")
    assert [path.name for path in bench.FIGURES.iterdir()] == ["cnnrnn.png"]


def test_evening_leaves_the_pictures_and_says_how_to_get_a_site(
    monkeypatch, capsys, nothing_yet
):
    drawn = nothing_yet / "run" / "figures" / "cnn.png"
    drawn.parent.mkdir(parents=True)
    drawn.write_bytes(b"a picture")
    found = Run({"holds": 1.0}, "", {"wall": 2.0}, drawn.parent.parent)
    monkeypatch.setattr(bench.store, "full", lambda lesson, **options: found)
    bench.evening(["cnn"], "digits")
    printed = capsys.readouterr().out
    assert (nothing_yet / "figures" / "cnn.png").read_bytes() == b"a picture"
    assert f"should one fail on stage: {nothing_yet / 'figures'}" in printed
    assert "unpack a release's nn-lecture.zip, or make -C docs html" in printed


def small_site(folder):
    """Two pages of cnn.py that link to each other, its script and a PDF."""
    page = '<html><a href="../{}"></a><a href="https://nowhere.example">.</a></html>'
    files = {
        "index.html": '<html><a href="gallery/">all</a><img src="a%20b.png">'
        '<a href="gallery/cnn.html">cnn</a></html>\n',
        "gallery/index.html": page.format("gallery/cnn.html#the-idea"),
        "gallery/cnn.html": page.format("slides/cnn.html?print-pdf"),
        "slides/cnn.html": page.format("slides/cnn.pdf"),
        "slides/cnn.pdf": "%PDF-1.4 and much more, then %%EOF\n",
        "lessons/cnn.py": lessons()["cnn"].text,
        "a b.png": "a picture",
        "_static/theme.html": "<p>no whole page",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("gallery/cnn.html", None, "gallery/cnn.html is missing"),
        ("slides/cnn.html", None, "slides/cnn.html is missing"),
        ("slides/cnn.html", "<html><p>half", "slides/cnn.html is cut off"),
        ("slides/cnn.pdf", None, "slides/cnn.html leads to ../slides/cnn.pdf"),
        ("slides/cnn.pdf", "", "slides/cnn.html leads to ../slides/cnn.pdf"),
        ("slides/cnn.pdf", "%PDF-1.4 and half", "slides/cnn.pdf is cut off"),
        ("slides/cnn.pdf", "Not Found %%EOF", "slides/cnn.pdf is cut off"),
        ("a b.png", None, "index.html leads to a%20b.png"),
        ("gallery/index.html", None, "index.html leads to gallery/"),
        ("lessons/cnn.py", "print(7)", "of another cnn.py than this one"),
        ("lessons/cnn.py", None, "lessons/cnn.py is missing"),
        ("index.html", "<html></html>", "its first page does not name cnn.py"),
        ("../unfinished", "", "its build did not come to its end"),
    ],
)
def test_evening_sees_what_is_wrong_with_the_site(
    monkeypatch, capsys, nothing_yet, name, text, said
):
    found = Run({"holds": 1.0}, "", {"wall": 2.0}, bench.HERE)
    monkeypatch.setattr(bench.store, "full", lambda lesson, **options: found)
    folder = nothing_yet / "site"
    small_site(folder)
    bench.evening(["cnn"], "digits")
    assert "4 pages, 1 PDFs, all is there" in capsys.readouterr().out
    if text is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match="The site is not whole"):
        bench.evening(["cnn"], "digits")
    assert said in capsys.readouterr().out


def test_claims_are_asked_of_every_seed_and_a_failing_one_is_named(monkeypatch, capsys):
    def full(lesson, seed, **options):
        held = float(seed != 2)
        return Run({"holds": held}, "", {"wall": 2.0}, bench.HERE)

    monkeypatch.setattr(bench.store, "full", full)
    with pytest.raises(SystemExit, match="A claim did not hold"):
        bench.claims(["rnn"], 4, "digits")
    assert "holds with 3 of 4 seeds not with 2" in capsys.readouterr().out
    bench.claims(["cnn"], 2, "mnist")
    assert "cnn             mnist   holds with 2 of 2 seeds" in capsys.readouterr().out


def test_a_seed_whose_run_fails_is_told_and_the_others_are_asked(monkeypatch, capsys):
    def full(lesson, seed, **options):
        if seed == 1:
            raise RunError("rnn.py: OSError: no disk")
        return Run({"holds": 1.0}, "", {"wall": 2.0}, bench.HERE)

    monkeypatch.setattr(bench.store, "full", full)
    with pytest.raises(SystemExit, match="Not every run came to its end"):
        bench.claims(["rnn", "cnn"], 3, "digits")
    printed = capsys.readouterr().out
    assert "seed 1: rnn.py: OSError: no disk" in printed
    assert printed.count("holds with 2 of 3 seeds and no end with 1\n") == 2


@pytest.mark.parametrize("count", ["0", "-3", "few"])
@pytest.mark.parametrize("command", ["claims", "seeds", "table", "race"])
def test_no_repetition_is_no_measurement(command, count, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["benchmarks", command, "--count", count])
    with pytest.raises(SystemExit) as stop:
        bench.main()
    assert stop.value.code == 2
    assert f"must be positive, got {count}" in capsys.readouterr().err


def test_a_mistake_is_measured_over_seeds_and_what_ends_in_an_error_is_counted(
    tmp_path, monkeypatch, capsys
):
    right = lessons()["cnn"].text

    def full(lesson, text, seed):
        if text != right and seed == 1:
            raise RunError("cnn.py: it never ends")
        numbers = {"share": 10.0 * seed, "holds": float(seed < 2)}
        return Run(numbers, "", {}, bench.HERE)

    monkeypatch.setattr(over_seeds.store, "full", full)
    monkeypatch.setattr(over_seeds, "KEPT", tmp_path / "mistakes.json")
    over_seeds.measure(["cnn"], 3)
    kept = json.loads((tmp_path / "mistakes.json").read_text())["cnn"]
    source, entries, _ = mistakes.read("cnn")
    assert source == right and [*kept] == ["", *entries]
    assert kept[""]["numbers"]["share"] == [0.0, 10.0, 20.0]
    assert (kept[""]["seeds"], kept[""]["ended"], kept[""]["holds"]) == (3, 3, 2)
    found = kept["file_order"]  # of seeds 0 and 2 alone
    assert found["numbers"]["share"] == [0.0, 10.0, 20.0]
    assert (found["seeds"], found["ended"], found["holds"]) == (3, 2, 1)
    assert found["code"] == mistakes.code(lessons()["cnn"], entries["file_order"])
    assert len({one["code"] for one in kept.values()}) == len(kept)
    said = "file_order              2 of 3 runs come to an end, the claim holds in 1"
    assert said in capsys.readouterr().out


@pytest.fixture
def ending(tmp_path, monkeypatch):
    """Lets the runs of seed 1 end with an error, where `ends(text)` says so; nothing is
    measured yet."""
    monkeypatch.setattr(over_seeds, "KEPT", tmp_path / "mistakes.json")

    def end(error, ends):
        def full(lesson, text, seed):
            if seed == 1 and ends(text):
                raise error
            return Run({"share": 1.0, "holds": 1.0}, "", {}, bench.HERE)

        monkeypatch.setattr(over_seeds.store, "full", full)

    return end


def test_a_wrong_run_that_was_killed_ends_the_measurement_and_counts_nowhere(
    tmp_path, ending
):
    right = lessons()["cnn"].text
    error = LostError("cnn.py: its process ended with code -9")
    ending(error, lambda text: text != right)
    with pytest.raises(LostError, match="ended with code -9"):
        over_seeds.measure(["cnn"], 3)
    assert [*json.loads((tmp_path / "mistakes.json").read_text())["cnn"]] == [""]


def test_nothing_is_kept_if_a_lesson_without_a_mistake_comes_to_no_end(
    tmp_path, ending
):
    ending(RunError("cnn.py takes over 600 s"), lambda text: True)
    with pytest.raises(LessonError, match="cnn: 1 of 3 runs without a mistake"):
        over_seeds.measure(["cnn"], 3)
    assert not (tmp_path / "mistakes.json").exists()
