"""What every lesson must obey, as tests. They know no lesson by name."""

import ast
import inspect
import re
import shutil
import subprocess
import sys
import tokenize
import tomllib
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import pytest
import torch

from tools.catalogue import FOLDERS, ROOT, Lesson, constant, lessons
from tools.guard import obey
from tools.parts import heading, renewed, sources, split
from tools.shapes import check_shapes
from tools.store import full

LESSONS = list(lessons().values())
READERS = [lesson for lesson in LESSONS if "\ndef load_digits(" in lesson.text]
PACKAGES = {"sklearn": "scikit-learn", "pytorch_lightning": "pytorch-lightning"}
OURS = {"benchmarks", "docs", "lab", "mistakes", "more", "tools"}  # folders
MOST = 26  # files and folders of the root, so that the page shows the README
LOADER = "Real handwritten digits"
LESSON = "The lesson"
GUARD = "The command line"

every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=[x.name for x in LESSONS])


def signature(lesson: Lesson) -> dict[str, inspect.Parameter]:
    """The options of its main."""
    return dict(inspect.signature(lesson.module().main).parameters)


def every_kind_of_option() -> dict[str, tuple[Lesson, str]]:
    """Every option of any main, and a lesson that has it: few lessons, all options.
    Two of one name count as two, if their choices or their types differ."""
    found = {}
    for lesson in LESSONS:
        for name, option in signature(lesson).items():
            kind = name, str(option.annotation), type(option.default)
            found.setdefault(kind, (lesson, name))
    return {f"{lesson.name} {name}": (lesson, name) for lesson, name in found.values()}


OPTIONS = every_kind_of_option()
every_option = pytest.mark.parametrize("of", OPTIONS)


def cells(lesson: Lesson) -> list[str]:
    return lesson.text.split("\n# %%\n")


def passage(lesson: Lesson, title: str) -> str:
    (found,) = [cell for cell in cells(lesson) if cell.startswith(f"# {title}\n")]
    return found


def imported(tree: ast.Module) -> set[str]:
    """The first names of all modules that are imported, wherever it is done."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def words(text: str) -> str:
    """The text with single blanks, however its lines are broken."""
    return " ".join(text.split())


def tracked(pattern: str = "") -> list[Path]:
    """The files that git knows, as paths from the root."""
    command = ["git", "ls-files", *filter(None, [pattern])]
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("git does not know this folder")
    found = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    )
    paths = [Path(line) for line in found.stdout.splitlines()]
    return [path for path in paths if (ROOT / path).exists()]


# What belongs to a lesson


@every_lesson
def test_a_lesson_has_its_five_files(lesson):
    files = [lesson.path, lesson.test, lesson.mistakes, lesson.teach, lesson.diagram]
    missing = [str(path.relative_to(ROOT)) for path in files if not path.exists()]
    assert not missing, f"{lesson.file} is no lesson yet without {', '.join(missing)}"


@every_lesson
def test_a_diagram_can_be_read_on_a_phone_and_is_also_told_in_words(lesson):
    svg = ElementTree.parse(lesson.diagram).getroot()
    name = "{http://www.w3.org/2000/svg}"
    left, top, wide, high = map(float, svg.get("viewBox").split())
    assert (left, top, wide) == (0, 0, 640) and 280 <= high <= 400
    assert len(svg.find(f"{name}title").text.split()) >= 3
    assert len(svg.find(f"{name}desc").text.strip()) >= 60
    labelled = {svg.find(f"{name}title").get("id"), svg.find(f"{name}desc").get("id")}
    assert set(svg.get("aria-labelledby").split()) == labelled
    steps = [one for one in svg.iter(f"{name}g") if one.get("class") == "nn-step"]
    assert 3 <= len(steps) <= 6
    sizes = [float(one.get("font-size")) for one in svg.iter() if one.get("font-size")]
    assert sizes and min(sizes) >= 20  # a phone shows 640 as 360
    assert not list(svg.iter(f"{name}image")) and not list(svg.iter(f"{name}script"))


@pytest.mark.parametrize("folder", ["mistakes", "docs/teach"])
def test_nothing_is_left_of_a_lesson_that_is_gone(folder):
    left = {path.stem for path in (ROOT / folder).glob("*.toml")} - set(lessons())
    assert not left, f"{folder} speaks of {', '.join(left)}, which is no lesson"


def test_a_file_beside_the_lessons_is_a_lesson_or_the_test_of_one():
    known = {ROOT / "conftest.py"}
    for lesson in LESSONS:
        known |= {lesson.path, lesson.test}
    here = {path for folder in FOLDERS for path in folder.glob("*.py")}
    assert here <= known, "a lesson begins a line with ASK = "


@every_lesson
def test_its_tests_fill_in_the_contract_of_models_or_say_why_there_is_none(lesson):
    tree = ast.parse(lesson.test.read_text(encoding="utf-8"))
    filled = [
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        and "ModelContract" in [getattr(base, "id", "") for base in node.bases]
    ]
    assert all(name.startswith("Test") for name in filled), "or pytest passes it over"
    reason = constant(tree, "NO_MODEL")
    asked = f"{lesson.test.name}: class Test...(ModelContract), or NO_MODEL = a reason"
    assert bool(filled) != bool(reason), asked


# Form


@every_lesson
def test_a_lesson_opens_with_metadata_that_lists_what_it_imports(lesson):
    header = re.match(r"# /// script\n((?:#.*\n)+?)# ///\n", lesson.text)
    metadata = tomllib.loads(re.sub("(?m)^# ?", "", header[1]))
    packages = imported(lesson.tree) - sys.stdlib_module_names
    assert metadata["requires-python"] == ">=3.11"
    expected = sorted(PACKAGES.get(name, name) for name in packages)
    assert expected == lesson.requires
    known = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    lowest = [one for one in metadata["dependencies"] if one not in known]
    assert lowest == [], "python -m tools copy"


@every_lesson
def test_a_lesson_says_what_it_is_before_it_does_anything(lesson):
    title, underline, blank, *_ = lesson.docstring.splitlines()
    assert title and not blank
    assert underline == "=" * len(title)
    for field in (":Run:", ":Shapes:", ":Paper:"):
        assert field in lesson.docstring


@every_lesson
def test_ask_and_claim_are_constants_without_measured_digits(lesson):
    module = lesson.module()
    assert module.ASK == lesson.ask and module.CLAIM == lesson.claim
    assert module.ASK.endswith("?") and len(module.ASK) <= 80
    assert module.CLAIM.endswith(".")
    assert not re.search(r"\d\.\d", module.CLAIM), "a measured number belongs in a test"


@every_lesson
def test_a_part_has_a_heading(lesson):
    for cell in cells(lesson)[1:]:
        title, underline, _ = cell.split("\n", 2)
        assert title.startswith("# ")
        expected = "# " + "-" * (len(title) - 2)
        assert underline == expected, f"the underline of {title!r}"


@every_lesson
def test_the_parts_come_in_the_readers_order(lesson):
    titles = [cell.split("\n", 1)[0].removeprefix("# ") for cell in cells(lesson)]
    *loaders, last = titles[titles.index(LESSON) + 1 :]
    assert last == GUARD
    for title in loaders:  # nothing that a reader must not skip
        for node in ast.parse(passage(lesson, title)).body:
            assert node.name.startswith("load_"), f"{title}: {node.name}"
    functions = [x.name for x in lesson.tree.body if isinstance(x, ast.FunctionDef)]
    assert functions.index("claim_holds") < functions.index("figure")
    assert functions.index("figure") < functions.index("main")
    last = ast.parse(passage(lesson, LESSON)).body[-1]
    assert isinstance(last, ast.FunctionDef) and last.name == "main"


@every_lesson
def test_a_lesson_imports_nothing_of_this_repository(lesson):
    siblings = {path.stem for folder in FOLDERS for path in folder.glob("*.py")}
    assert not imported(lesson.tree) & (siblings | OURS)


@every_lesson
def test_shared_parts_are_those_of_tools_parts(lesson):
    assert lesson.text == renewed(lesson.text), "python -m tools copy"
    assert heading(split(lesson.text)[-1]) == GUARD in sources()


@every_lesson
def test_nothing_on_the_list_of_never(lesson):
    never = [".cuda()", "super(Net", "import lightning", "softmax(dim=1)", "tqdm"]
    assert not [word for word in never if word in lesson.text]
    for node in ast.walk(lesson.tree):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None
            assert ast.unparse(node.type) not in ("Exception", "ValueError")


@every_lesson
def test_every_forward_shows_a_shape(lesson):
    lines = lesson.text.splitlines()
    for node in ast.walk(lesson.tree):
        if isinstance(node, ast.FunctionDef) and node.name == "forward":
            body = lines[node.lineno : node.end_lineno]
            assert any(re.search(r"  # \(.*\)$", line) for line in body)


# Running

# Import the lesson, say which files are there then, and run it as a command line does
ALONE = """
import os, runpy, sys
sys.argv = sys.argv[1:]
__import__(sys.argv[0].removesuffix(".py"))
print(os.listdir(), flush=True)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@every_lesson
def test_alone_in_a_folder_a_lesson_imports_in_silence_and_runs(lesson, tmp_path):
    folder = tmp_path / "my lessons"  # a space in its name
    folder.mkdir()
    shutil.copy(lesson.path, folder)
    options = [f"--{name}={value}" for name, value in lesson.smallest.items()]
    command = [sys.executable, "-B", "-W", "error", "-c", ALONE, lesson.path.name]
    run = subprocess.run(
        [*command, *options], capture_output=True, text=True, cwd=folder
    )
    assert (run.returncode, run.stderr) == (0, "")
    beside, _, printed = run.stdout.partition("\n")
    assert beside == str([lesson.path.name]), "its import prints or writes something"
    assert printed.startswith(lesson.ask[:60])
    # Of processes that work together, an older PyTorch says so itself, in a long line.
    lines = [line for line in printed.splitlines() if not line.startswith("[Gloo]")]
    assert re.match(r"In this run the claim (holds|does NOT hold)\b", lines[-1])
    assert words(lesson.claim) in words(printed)
    assert max(map(len, lines)) <= 80, max(lines, key=len)
    assert (folder / "figures" / f"{lesson.name}.png").stat().st_size > 10_000


@every_lesson
def test_a_lesson_as_it_stands_asks_first_and_ends_with_a_claim_that_holds(lesson):
    run = full(lesson)
    assert run.numbers["holds"] == 1
    assert words(run.printed).startswith(words(lesson.ask))
    verdict = f"{words(lesson.claim)} In this run the claim holds."
    assert words(run.printed).endswith(verdict)


@every_lesson
def test_a_short_run_keeps_shapes_and_picture_and_its_seed_decides_the_numbers(lesson):
    import matplotlib
    import matplotlib.pyplot as plt

    matplotlib.rcdefaults()  # as in a folder where the lesson lies alone
    module, options = lesson.module(), lesson.smallest
    state = torch.get_default_dtype(), torch.get_num_threads()
    one = check_shapes(module, lambda: module.main(**options, seed=1))
    assert plt.get_fignums(), "main leaves its figure open"
    for number in plt.get_fignums():
        check_words(plt.figure(number))
    assert one["holds"] in (0.0, 1.0)
    for name, number in one.items():
        assert name.isidentifier() and isinstance(number, float | int), name
    assert module.main(**options, seed=1) == one
    # In so few steps two seeds may agree: cluster's differ by roundings only.
    assert any(module.main(**options, seed=seed) != one for seed in (2, 3, 4))
    assert state == (torch.get_default_dtype(), torch.get_num_threads())


# The command line: a guard, with main replaced by an ear. All guards are the same
# letters, so that each option is tried with one lesson that has it.


def call(lesson: Lesson, *given: str) -> dict:
    """What main would be told by `python <lesson>.py <given>`."""
    told = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [f"{lesson.name}.py", *given])
        obey(vars(lesson.module()), told.update)
    return told


@every_lesson
def test_help_says_of_every_option_what_it_is_and_its_default(lesson, capsys):
    with pytest.raises(SystemExit) as stop:
        call(lesson, "--help")
    printed = words(capsys.readouterr().out.replace("│", ""))
    _, _, printed = printed.partition("--help")  # the usage line has no words
    for name, option in signature(lesson).items():
        told = re.search(
            rf"--{name.replace('_', '-')} \S+ (.+?) \(default: (\S+)\)", printed
        )
        assert told and told[2] == str(option.default), name
        assert len(told[1]) > 8 and "--" not in told[1], "Args: of main"
        assert type(option.default) in (int, float, str)
    assert stop.value.code == 0 and "--seed" in printed


@every_option
def test_bad_input_ends_with_what_is_wrong_with_it(of, capsys):
    lesson, option = OPTIONS[of]
    name = f"--{option.replace('_', '-')}"
    given = [[name], [f"{name}x", "3"], [name[:-1], "3"]]  # the last is abbreviated
    if type(signature(lesson)[option].default) is not str:
        given.append([name, "banana"])
    elif get_args(signature(lesson)[option].annotation):
        given.append([name, "nonsense"])
    for bad in given:
        with pytest.raises(SystemExit) as stop:
            call(lesson, *bad)
        printed = capsys.readouterr().err
        assert stop.value.code == 2, bad
        misspelt = bad[0] != name  # tyro 0.9 says the option, and not its value too
        wrong = bad[0] if misspelt else bad[-1]
        assert wrong in printed and "Traceback" not in printed
        assert name in printed, "the option that is meant"


COUNTS = {"steps", "depth", "size", "epochs", "batch_size", "latent_dim", "devices"}


@every_lesson
@pytest.mark.parametrize("bad", [0, -3])
def test_a_number_that_makes_no_sense_is_one_line_and_nothing_is_written(lesson, bad):
    for name in COUNTS & {*lesson.options}:
        with pytest.raises(SystemExit) as stop:
            lesson.module().main(**lesson.smallest | {name: bad})
        line = stop.value.code  # Python prints it, and ends with exit code 1
        shown = name.replace("_", "-")
        assert line.startswith(f"--{shown} must be at least ") and line.endswith(
            f", got {bad}"
        )
    assert not list(Path().iterdir())


@every_lesson
@pytest.mark.parametrize("seed", [-1, 2**32, 99999999999])
def test_every_whole_number_is_a_seed(lesson, seed):
    assert call(lesson, "--seed", str(seed))["seed"] == seed
    torch.manual_seed(seed)


@every_lesson
@pytest.mark.parametrize("bad", ["9" * 23, "-" + "9" * 23, "+" + "9" * 16, "9" * 5000])
def test_a_number_too_large_for_pytorch_is_one_line_before_main_begins(lesson, bad):
    for name, default in lesson.options.items():
        for given in ([f"--{name}={bad}"], [f"--{name}", bad]):
            if type(default) is int:
                with pytest.raises(SystemExit) as stop:
                    call(lesson, *given)
                line = stop.value.code
                assert line.startswith("A number must have at most 15 digits, got ")
                assert "\n" not in line and len(line) <= 88


@every_lesson
def test_the_largest_numbers_that_are_let_through_seed_every_lesson(lesson):
    for seed in (10**15 - 1, 1 - 10**15):
        assert call(lesson, "--seed", str(seed))["seed"] == seed
        torch.manual_seed(1000 * seed)  # the largest multiple that a lesson makes of it


WRONG_WORDS = ["", "0x10", "one"]
WRONG_FOR_WHOLE_NUMBERS = ["1e3", "nan", "inf", "1.5"]


@every_option
def test_what_is_no_whole_number_or_no_choice_is_refused_with_the_option(of, capsys):
    lesson, option = OPTIONS[of]
    parameter = signature(lesson)[option]
    if type(parameter.default) is str and not get_args(parameter.annotation):
        pytest.skip("it takes any text")
    wrong = list(WRONG_WORDS)
    if type(parameter.default) is not float:
        wrong += WRONG_FOR_WHOLE_NUMBERS
    for bad in wrong:
        with pytest.raises(SystemExit) as stop:
            call(lesson, f"--{option}", bad)
        printed = capsys.readouterr().err
        assert stop.value.code == 2
        assert f"--{option.replace('_', '-')}" in printed
        assert repr(bad) in printed or bad in printed


@every_option
def test_an_option_reaches_main(of):
    lesson, option = OPTIONS[of]
    choices = get_args(signature(lesson)[option].annotation)
    default = signature(lesson)[option].default
    value = "cpu" if "cpu" in choices else choices[-1] if choices else "3"
    assert call(lesson, f"--{option}", value)[option] == type(default)(value)


@every_lesson
def test_what_the_disk_refuses_is_one_line(lesson, monkeypatch):
    def on_a_full_disk(**_):
        raise OSError(28, "No space left on device", f"figures/{lesson.name}.png")

    monkeypatch.setattr(sys, "argv", [lesson.file])
    with pytest.raises(SystemExit, match="OSError: .* No space left on device"):
        obey(vars(lesson.module()), on_a_full_disk)


@every_lesson
def test_a_notebook_gets_the_defaults(lesson, monkeypatch):
    given = ["/usr/lib/python3/site-packages/ipykernel_launcher.py", "-f", "k.json"]
    told = []
    monkeypatch.setattr(sys, "argv", given)
    obey(vars(lesson.module()), lambda **options: told.append(options))
    assert told == [{}]


@pytest.mark.parametrize(
    "lesson", [x for x in LESSONS if "device" in x.options], ids=lambda x: x.name
)
def test_a_device_that_is_not_there_is_named(lesson, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="--device cuda: this machine has none"):
        lesson.module().main(**lesson.smallest | {"device": "cuda"})


@pytest.mark.slow
@every_lesson
def test_the_same_file_runs_in_a_real_notebook_kernel(lesson, tmp_path, monkeypatch):
    import nbclient
    import nbformat.v4 as v4

    if "__file__" in lesson.text:
        pytest.skip("it starts processes that read its file, and says so")
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel brings its own
    cell = v4.new_code_cell(lesson.text)
    book = v4.new_notebook(cells=[cell])
    client = nbclient.NotebookClient(book, resources={"metadata": {"path": tmp_path}})
    client.execute()
    printed = "".join(out.text for out in cell.outputs if out.output_type == "stream")
    assert "In this run the claim holds." in printed
    assert [out for out in cell.outputs if "image/png" in out.get("data", {})]


# The pictures


def check_words(fig) -> None:
    """AssertionError, if a word of this picture is cut off or lies on another one."""
    assert tuple(fig.get_size_inches()) == (8, 4.5)
    fig.canvas.draw()
    renderer = fig.canvas.get_renderer()
    boxes = []
    for text in words_of(fig):
        assert text.get_fontsize() >= 8, text.get_text()
        boxes.append((text.get_text(), text.get_window_extent(renderer)))
    for word, box in boxes:
        assert box.x0 >= -1 and box.y0 >= -1, f"{word!r} is cut off"
        assert box.x1 <= fig.bbox.x1 + 1, f"{word!r} is cut off"
        assert box.y1 <= fig.bbox.y1 + 1, f"{word!r} is cut off"
    for i, (word, box) in enumerate(boxes):
        for other, its_box in boxes[:i]:
            over = box.intersection(box, its_box)
            lies = over and over.width > 2 and over.height > 2
            assert not lies, f"{word!r} lies on {other!r}"


def words_of(fig) -> list:
    """The texts that are drawn: the labels of ticks beyond an axis are not."""
    import matplotlib

    hidden = set()
    for tick in fig.findobj(matplotlib.axis.Tick):
        hidden |= {tick.label1, tick.label2}
    for ax in fig.axes:
        for axis in (ax.xaxis, ax.yaxis):
            hidden -= {tick.label1 for tick in axis._update_ticks()}  # what it draws
    found = fig.findobj(matplotlib.text.Text)
    found = [text for text in found if text not in hidden and text.get_visible()]
    return [text for text in found if text.get_text().strip()]


# The repository


def test_what_a_lesson_builds_on_comes_before_it_in_the_course():
    weeks = {lesson.name: lesson.taught.get("week", 15) for lesson in LESSONS}
    for lesson in LESSONS:
        assert weeks[lesson.name] in range(1, 16), lesson.name
        for name in lesson.taught.get("after", []):
            assert weeks[name] <= weeks[lesson.name], f"{lesson.name} builds on {name}"


def test_the_readme_says_what_the_lessons_say():
    readme = words((ROOT / "README.md").read_text(encoding="utf-8"))
    for lesson in LESSONS:
        assert words(lesson.ask) in readme, lesson.name
        assert words(lesson.claim) in readme, lesson.name


def test_every_file_that_the_readme_names_is_there():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r'(?:\]\(|src=")([^")#]+)', readme)
    assert [link for link in links if not link.startswith("https://")]
    for link in links:
        assert link.startswith("https://") or (ROOT / link).exists(), link


def test_the_root_shows_at_most_26_files_and_folders():
    shown = {path.parts[0] for path in tracked() if path.parts[0][0] != "."}
    assert len(shown) <= MOST, sorted(shown)


def test_only_benchmarks_import_benchmarks():
    for path in tracked("*.py"):
        if path.parts[0] != "benchmarks":
            tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
            assert "benchmarks" not in imported(tree), path


def test_comments_are_not_left_over():
    marks = "TO" + "DO", "FIX" + "ME", "XX" + "X"
    for path in tracked("*.py"):
        with tokenize.open(ROOT / path) as file:
            for token in tokenize.generate_tokens(file.readline):
                left = [mark for mark in marks if mark in token.string]
                assert token.type != tokenize.COMMENT or not left, path
