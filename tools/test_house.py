"""What every lesson must obey, as tests."""

import ast
import copy
import importlib
import inspect
import re
import shutil
import subprocess
import sys
import textwrap
import tokenize
import tomllib
from pathlib import Path

import pytest
import torch

from benchmarks.__main__ import LESSONS, measured_on, table
from mistakes.scratch import obey

ROOT = Path(__file__).parent

READ_MNIST = [
    n for n in LESSONS if "def load_digits(data" in (ROOT / f"{n}.py").read_text()
]
# Lines of its own, and in all; others 150 and 220. In all, lightning.py may have the
# 300 of a long lesson, its eight options for a cluster, and the part on checkpoints.
LIMITS = {"lightning": (200, 376)}
SMALLEST = {"epochs": 1, "steps": 2, "depth": 2, "data": "digits"}
PACKAGES = {"sklearn": "scikit-learn", "pytorch_lightning": "pytorch-lightning"}
MODELS = {  # class, shape of one input, shape of its output; T = 1 is the hardest
    "cnn": ("ImageClassifierCNN", (1, 28, 28), (10,)),
    "rnn": ("SequenceClassifierRNN", (1, 6), (3,)),
    "cnnrnn": ("ImageSequenceClassifierCNNRNN", (1, 1, 28, 28), (5,)),
    "compare_blocks": ("ResidualBlock", (7,), (7,)),
    "attention": ("SelfAttention", (1, 8), (1, 8)),
    "autoencoder": ("SimpleAutoencoder", (784,), (784,)),
    "lightning": ("DigitClassifier", (1, 28, 28), (10,)),
}
ARGUMENTS = {"compare_blocks": [7], "attention": [8]}

every_lesson = pytest.mark.parametrize("lesson", LESSONS)


def source(lesson: str) -> str:
    return (ROOT / f"{lesson}.py").read_text(encoding="utf-8")


def cells(lesson: str) -> list[str]:
    return source(lesson).split("\n# %%\n")


def passage(lesson: str, title: str) -> str:
    (found,) = [cell for cell in cells(lesson) if cell.startswith(f"# {title}\n")]
    return found


HEAD = re.compile(r"# /// script\n((?:#.*\n)+?)# ///\n")
LOADER = "Real handwritten digits"
GUARD = "The verdict, the picture, the command line"
CHECKPOINTS = "Nothing lost, nothing trusted blindly"  # lightning.py's, and not a slide


# Form


@every_lesson
def test_a_lesson_opens_with_metadata_that_lists_what_it_imports(lesson):
    metadata = tomllib.loads(re.sub("(?m)^# ?", "", HEAD.match(source(lesson))[1]))
    imported = set()
    for node in ast.walk(ast.parse(source(lesson))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
    imported -= sys.stdlib_module_names
    assert metadata["requires-python"] == ">=3.11"
    expected = sorted(PACKAGES.get(name, name) for name in imported)
    assert metadata["dependencies"] == expected


@every_lesson
def test_a_lesson_says_what_it_is_before_it_does_anything(lesson):
    tree = ast.parse(source(lesson))
    title, underline, blank, *_ = ast.get_docstring(tree).splitlines()
    assert (
        title and set(underline) == {"="} and len(underline) == len(title) and not blank
    )
    for field in (":Run:", ":Shapes:", ":Paper:"):
        assert field in ast.get_docstring(tree)


@every_lesson
def test_ask_claim_and_margin_are_constants_without_measured_digits(lesson):
    module = importlib.import_module(lesson)
    assert module.ASK.endswith("?") and len(module.ASK) < 150
    assert module.CLAIM.endswith(".") and module.MARGIN
    assert not re.search(r"\d\.\d", module.CLAIM), "a measured number belongs in a test"


@every_lesson
def test_the_parts_come_in_order(lesson):
    defined = [
        node.name
        for node in ast.parse(source(lesson)).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    plumbing = ["watch", "sound", "newest"] if lesson == "lightning" else []
    assert defined[-2 - len(plumbing) :] == ["main", *plumbing, "conclude"]
    assert "figure" in defined
    assert defined.index("figure") < defined.index("main")
    kinds = [type(node) for node in ast.parse(source(lesson)).body]
    assert kinds.index(ast.Assign) < kinds.index(ast.ClassDef)  # constants, model
    if lesson in READ_MNIST:  # the idea comes before the plumbing
        first_class = source(lesson).index("\nclass ")
        assert first_class < source(lesson).index(passage(lesson, LOADER))
        assert defined.index("load_digits") < defined.index("figure")
    assert cells(lesson)[-1].startswith(f"# {GUARD}\n")


@every_lesson
def test_a_lesson_can_be_read_in_one_sitting(lesson):
    own, in_all = LIMITS.get(lesson, (150, 220))
    lines = source(lesson).splitlines()
    assert len(lines) <= in_all
    assert max(map(len, lines)) <= 88
    imports = {
        line
        for node in ast.parse(source(lesson)).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for line in range(node.lineno, node.end_lineno + 1)
    }
    repeated = passage(lesson, GUARD)
    if lesson in READ_MNIST:
        repeated += passage(lesson, LOADER)
    if lesson == "lightning":
        repeated += passage(lesson, CHECKPOINTS)
    repeated += HEAD.match(source(lesson))[0]
    read = [line for n, line in enumerate(lines, 1) if line and n not in imports]
    assert len(read) - len([line for line in repeated.splitlines() if line]) <= own


@every_lesson
def test_a_part_is_a_slide(lesson):
    for cell in cells(lesson)[1:]:
        title, underline, code = cell.split("\n", 2)
        assert title.startswith("# ") and set(underline) == {"#", " ", "-"}
        assert len(underline) == len(title), f"the underline of {title!r}"
        if title[2:] not in (LOADER, GUARD):
            most = 46 if title[2:] == CHECKPOINTS else 20
            assert len(code.strip("\n").splitlines()) <= most, title


@every_lesson
def test_a_function_fits_on_a_slide(lesson):
    for node in ast.walk(ast.parse(source(lesson))):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 20, node.name


@every_lesson
def test_a_lesson_imports_no_file_of_this_repository(lesson):
    siblings = {path.stem for path in ROOT.glob("*.py")}
    tree = ast.walk(ast.parse(source(lesson)))
    for node in tree:
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        assert not siblings & {name.split(".")[0] for name in names}


def test_loader_and_guard_are_the_same_letters_in_every_lesson():
    assert len({passage(lesson, LOADER) for lesson in READ_MNIST}) == 1
    assert len({passage(lesson, GUARD) for lesson in LESSONS}) == 1


@every_lesson
def test_nothing_on_the_list_of_never(lesson):
    never = [".cuda()", "super(Net", "import lightning", "softmax(dim=1)", "tqdm"]
    assert not [word for word in never if word in source(lesson)]
    for node in ast.walk(ast.parse(source(lesson))):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None
            assert ast.unparse(node.type) not in ("Exception", "ValueError")


# Running


@every_lesson
def test_import_prints_nothing_and_writes_nothing(lesson, tmp_path):
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {lesson}"
    command = [sys.executable, "-W", "error", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert not list(tmp_path.iterdir())


@every_lesson
def test_a_lesson_runs_alone_in_an_empty_folder_with_a_space_in_its_name(
    lesson, tmp_path
):
    module = importlib.import_module(lesson)
    folder = tmp_path / "my lessons"
    folder.mkdir()
    shutil.copy(ROOT / f"{lesson}.py", folder)
    options = smallest(module.main)
    words = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-W", "error", f"{lesson}.py", *words]
    run = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert (run.returncode, run.stderr) == (0, "")
    lines = run.stdout.splitlines()
    assert run.stdout.startswith(module.ASK[:60])
    assert re.match(
        r"In this run the claim (holds|does NOT hold at this setting)\.", lines[-1]
    )
    claim = " ".join(run.stdout.split())
    assert " ".join(module.CLAIM.split()) in claim
    assert max(map(len, lines)) <= 72, max(lines, key=len)
    assert (folder / "figures" / f"{lesson}.png").stat().st_size > 10_000


@every_lesson
def test_main_returns_numbers_and_leaves_its_figure_open(lesson, capsys):
    import matplotlib.pyplot as plt

    module = importlib.import_module(lesson)
    state = torch.get_default_dtype(), torch.get_num_threads()
    numbers = module.main(**smallest(module.main))
    assert plt.get_fignums() and numbers["holds"] in (0.0, 1.0)
    for name, number in numbers.items():
        assert name.isidentifier() and isinstance(number, float | int), name
    assert state == (torch.get_default_dtype(), torch.get_num_threads())


def smallest(main) -> dict:
    known = inspect.signature(main).parameters
    return {name: value for name, value in SMALLEST.items() if name in known}


@every_lesson
def test_same_seed_same_numbers_and_another_seed_others(lesson, capsys):
    main = importlib.import_module(lesson).main
    one, same, other = (main(**smallest(main), seed=seed) for seed in (1, 1, 2))
    assert one == same != other


@every_lesson
def test_every_forward_shows_a_shape(lesson):
    lines = source(lesson).splitlines()
    for node in ast.walk(ast.parse(source(lesson))):
        if isinstance(node, ast.FunctionDef) and node.name == "forward":
            body = lines[node.lineno : node.end_lineno]
            assert any(re.search(r"  # \(.*\)$", line) for line in body)


# The command line: the guard of each lesson, with main replaced by an ear


def call(lesson: str, *words: str) -> dict:
    """What main would be told by `python <lesson>.py <words>`."""
    told = {}
    obey(vars(importlib.import_module(lesson)), lambda **options: told.update(options))
    return told


@every_lesson
def test_help_names_every_option_with_its_default(lesson, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [f"{lesson}.py", "--help"])
    with pytest.raises(SystemExit) as stop:
        call(lesson)
    printed = " ".join(capsys.readouterr().out.split())
    main = importlib.import_module(lesson).main
    for name, option in inspect.signature(main).parameters.items():
        assert re.search(
            rf"--{name} \S+ default: {re.escape(str(option.default))}", printed
        )
        assert type(option.default) in (int, float, str)
    assert stop.value.code == 0 and "--seed" in printed


BAD = {
    "misspelt": ("--sed", "3"),
    "abbreviated": ("--see", "3"),
    "a word for a number": ("--seed", "banana"),
    "a negative depth": ("--depth", "-3"),
    "a negative seed": ("--seed", "-1"),
    "too large a seed": ("--seed", str(2**64)),
    "unknown data": ("--data", "nonsense"),
    "no value": ("--seed",),
    "no steps": ("--steps", "0"),
    "no epochs": ("--epochs", "-1"),
    "an unknown device": ("--device", "abacus"),
}


@every_lesson
@pytest.mark.parametrize("words", BAD.values(), ids=BAD)
def test_bad_input_ends_with_one_clear_line(lesson, words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [f"{lesson}.py", *words])
    with pytest.raises(SystemExit) as stop:
        call(lesson)
    usage, line = capsys.readouterr().err.splitlines()
    assert stop.value.code == 2
    assert usage == f"usage: {lesson}.py [options]"
    assert line.startswith(f"{lesson}.py: error: ") and words[-1] in line


@every_lesson
def test_ctrl_c_ends_with_one_line(lesson, monkeypatch, capsys):
    def interrupted(**options):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", [f"{lesson}.py"])
    with pytest.raises(SystemExit):
        obey(vars(importlib.import_module(lesson)), interrupted)
    usage, line = capsys.readouterr().err.splitlines()
    assert line == f"{lesson}.py: error: stopped by Ctrl-C"


@every_lesson
def test_a_device_that_is_not_there_is_named(lesson, monkeypatch, capsys):
    if (
        "device"
        not in inspect.signature(importlib.import_module(lesson).main).parameters
    ):
        return  # lightning.py leaves it to the Trainer
    monkeypatch.setattr(torch, "get_device_module", lambda name: torch.cuda)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", [f"{lesson}.py", "--device", "cuda"])
    with pytest.raises(SystemExit) as stop:
        call(lesson)
    assert stop.value.code == 2
    assert capsys.readouterr().err.endswith("--device: this machine has no cuda\n")


@every_lesson
def test_options_reach_main_and_a_notebook_gets_the_defaults(lesson, monkeypatch):
    monkeypatch.setattr(sys, "argv", [f"{lesson}.py", "--seed", "3"])
    assert call(lesson)["seed"] == 3
    monkeypatch.setattr(sys, "argv", ["ipykernel_launcher.py", "-f", "kernel.json"])
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    main = importlib.import_module(lesson).main
    defaults = {n: o.default for n, o in inspect.signature(main).parameters.items()}
    assert call(lesson) == defaults


@pytest.mark.slow
@every_lesson
def test_the_same_file_runs_in_a_real_notebook_kernel(lesson, tmp_path, monkeypatch):
    import nbclient
    import nbformat.v4 as v4

    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel brings its own
    cell = v4.new_code_cell(source(lesson))
    book = v4.new_notebook(cells=[cell])
    client = nbclient.NotebookClient(book, resources={"metadata": {"path": tmp_path}})
    client.execute()
    printed = "".join(out.text for out in cell.outputs if out.output_type == "stream")
    assert "In this run the claim holds." in printed
    assert [out for out in cell.outputs if "image/png" in out.get("data", {})]


def test_a_folder_that_cannot_be_written_costs_one_line_not_the_run(
    tmp_path, monkeypatch, capsys
):
    lesson = importlib.import_module(LESSONS[0])
    Path("figures").write_text("a file where the folder should be")
    from matplotlib.figure import Figure

    lesson.conclude(True, picture=Figure())
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith("The picture is not saved: ") and "holds" in last


# Models


def model(lesson: str) -> torch.nn.Module:
    return getattr(importlib.import_module(lesson), MODELS[lesson][0])(
        *ARGUMENTS.get(lesson, [])
    )


def logits(network: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    y = network(x)
    return y[0] if isinstance(y, tuple) else y  # attention returns its weights too


@every_lesson
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("batch", [1, 4])
def test_a_model_takes_any_batch_in_either_precision(lesson, dtype, batch):
    _, one, out = MODELS[lesson]
    y = logits(model(lesson).to(dtype), torch.rand(batch, *one, dtype=dtype))
    assert y.shape == (batch, *out) and y.dtype == dtype


@every_lesson
def test_a_batch_of_many_is_many_batches_of_one(lesson):
    network = model(lesson).double().eval()
    x = torch.rand(5, *MODELS[lesson][1], dtype=torch.float64)
    together, alone = (
        logits(network, x),
        torch.cat([logits(network, r[None]) for r in x]),
    )
    torch.testing.assert_close(together, alone)


@every_lesson
@pytest.mark.parametrize("batch", [1, 4])
def test_every_parameter_gets_a_gradient(lesson, batch):
    network = model(lesson)
    logits(network, torch.rand(batch, *MODELS[lesson][1])).square().sum().backward()
    assert not [n for n, p in network.named_parameters() if p.grad is None]


@every_lesson
def test_a_model_survives_saving_and_copying(lesson, tmp_path):
    network, other = model(lesson).eval(), model(lesson).eval()
    x = torch.rand(2, *MODELS[lesson][1])
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    for twin in (other, copy.deepcopy(network)):
        torch.testing.assert_close(logits(twin, x), logits(network, x))


@every_lesson
def test_a_wrong_shape_is_named_beside_the_right_one(lesson):
    one = MODELS[lesson][1]
    shapes = [(2, *one[:-1], size) for size in (one[-1] - 1, one[-1] + 1)]
    for wrong in [(2, 5, 5, 5, 5, 5), (3,), *shapes]:
        with pytest.raises(ValueError, match=r"expected \(B.*\), got ") as error:
            model(lesson)(torch.rand(wrong))
        assert str(tuple(wrong)) in str(error.value)


# The page


def test_the_readme_says_what_the_lessons_say():
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    for lesson in LESSONS:
        module = importlib.import_module(lesson)
        assert module.ASK in readme and module.CLAIM in readme, lesson


def test_the_readme_has_the_measured_table_and_every_file_it_names():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    measured = f"{table()}\n\n{measured_on()}"
    assert measured in readme, "renew it: python -m benchmarks render"
    for link in re.findall(r'(?:\]\(|src=")([^")#]+)', readme):
        assert link.startswith("https://") or (ROOT / link).exists(), link


def test_lightnings_guard_rails_are_one_argument_one_callback_and_one_method(capsys):
    page = (ROOT / "docs" / "templates" / "cluster.rst").read_text(encoding="utf-8")
    (code,) = re.findall(r"(?m)^   from lightning(?:.*\n)(?:(?:   .*)?\n)+", page)
    exec(textwrap.dedent(code), told := {})
    trainer, epochs = told["trainer"], told["trainer"].current_epoch
    assert told["stop"].stopped_epoch == epochs - 1 < 49
    (group,) = trainer.optimizers[0].param_groups
    assert group["lr"] == pytest.approx(3e-3 * 0.9**epochs)
    assert trainer.gradient_clip_val == 1


def test_comments_are_not_left_over():
    for path in ROOT.glob("*.py"):
        with tokenize.open(path) as file:
            words = [t.string for t in tokenize.generate_tokens(file.readline)]
        marks = "TO" + "DO", "FIX" + "ME", "XX" + "X"
        assert not [
            word
            for word in words
            if word.startswith("#") and any(m in word for m in marks)
        ]
