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

import pytest
import torch

from tools.catalogue import FOLDERS, ROOT, Lesson, constant, lessons
from tools.guard import obey
from tools.shapes import check_shapes
from tools.store import full

LESSONS = list(lessons().values())
READERS = [lesson for lesson in LESSONS if "\ndef load_digits(" in lesson.text]
PACKAGES = {"sklearn": "scikit-learn", "pytorch_lightning": "pytorch-lightning"}
OURS = {"benchmarks", "docs", "lab", "mistakes", "more", "tools"}  # folders
MOST = 26  # files and folders of the root, so that the page shows the README
LOADER = "Real handwritten digits"
LESSON = "The lesson"
GUARD = "The verdict, the picture, the command line"

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
def test_a_lesson_has_its_four_files(lesson):
    files = [lesson.path, lesson.test, lesson.mistakes, lesson.teach]
    missing = [str(path.relative_to(ROOT)) for path in files if not path.exists()]
    assert not missing, f"{lesson.file} is no lesson yet without {', '.join(missing)}"


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
    assert metadata["dependencies"] == expected == lesson.requires


@every_lesson
def test_a_lesson_says_what_it_is_before_it_does_anything(lesson):
    title, underline, blank, *_ = lesson.docstring.splitlines()
    assert title and not blank
    assert underline == "=" * len(title)
    for field in (":Run:", ":Shapes:", ":Paper:"):
        assert field in lesson.docstring


@every_lesson
def test_ask_claim_and_margin_are_constants_without_measured_digits(lesson):
    module = lesson.module()
    assert module.ASK == lesson.ask and module.CLAIM == lesson.claim
    assert module.ASK.endswith("?") and len(module.ASK) < 150
    assert module.CLAIM.endswith(".") and module.MARGIN
    assert not re.search(r"\d\.\d", module.CLAIM), "a measured number belongs in a test"


@every_lesson
def test_a_part_has_a_heading(lesson):
    for cell in cells(lesson)[1:]:
        title, underline, _ = cell.split("\n", 2)
        assert title.startswith("# ")
        expected = "# " + "-" * (len(title) - 2)
        assert underline == expected, f"the underline of {title!r}"


@every_lesson
def test_the_parts_come_in_order(lesson):
    defined = [
        node.name
        for node in lesson.tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    titles = [cell.split("\n", 1)[0].removeprefix("# ") for cell in cells(lesson)]
    assert titles[-1] == GUARD and defined[-1] == "conclude"
    # what keeps main's work safe may stand behind it, as one part
    assert LESSON in titles[-3:-1]
    last = ast.parse(passage(lesson, LESSON)).body[-1]
    assert isinstance(last, ast.FunctionDef) and last.name == "main"
    assert defined.index("figure") < defined.index("main")
    kinds = [type(node) for node in lesson.tree.body]
    if ast.ClassDef in kinds:  # constants, then the model
        assert kinds.index(ast.Assign) < kinds.index(ast.ClassDef)
    if lesson in READERS:  # the idea comes before the plumbing
        first_class = lesson.text.index("\nclass ")
        assert first_class < lesson.text.index(passage(lesson, LOADER))
        assert defined.index("load_digits") < defined.index("figure")


@every_lesson
def test_a_lesson_imports_nothing_of_this_repository(lesson):
    siblings = {path.stem for folder in FOLDERS for path in folder.glob("*.py")}
    assert not imported(lesson.tree) & (siblings | OURS)


def test_loader_and_guard_are_the_same_letters_in_every_lesson():
    assert len({passage(lesson, LOADER) for lesson in READERS}) == 1
    assert len({passage(lesson, GUARD) for lesson in LESSONS}) == 1


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
    lines = printed.splitlines()
    assert re.match(
        r"In this run the claim (holds|does NOT hold at this setting)\.", lines[-1]
    )
    assert words(lesson.claim) in words(printed)
    assert max(map(len, lines)) <= 72, max(lines, key=len)
    assert (folder / "figures" / f"{lesson.name}.png").stat().st_size > 10_000


@every_lesson
def test_a_lesson_as_it_stands_asks_first_and_ends_with_a_claim_that_holds(lesson):
    run = full(lesson)
    assert run.numbers["holds"] == 1
    assert words(run.printed).startswith(words(lesson.ask))
    verdict = f"{words(lesson.claim)} In this run the claim holds."
    assert words(run.printed).endswith(verdict)


@every_lesson
def test_shapes_are_as_said_and_the_seed_alone_decides_the_numbers(lesson, capsys):
    import matplotlib.pyplot as plt

    module, options = lesson.module(), lesson.smallest
    state = torch.get_default_dtype(), torch.get_num_threads()
    one = check_shapes(module, lambda: module.main(**options, seed=1))
    assert plt.get_fignums(), "main leaves its figure open"
    assert one["holds"] in (0.0, 1.0)
    for name, number in one.items():
        assert name.isidentifier() and isinstance(number, float | int), name
    same, other = (module.main(**options, seed=seed) for seed in (1, 2))
    assert one == same != other
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
def test_help_names_every_option_with_its_default(lesson, capsys):
    with pytest.raises(SystemExit) as stop:
        call(lesson, "--help")
    printed = words(capsys.readouterr().out)
    for name, option in signature(lesson).items():
        assert re.search(
            rf"--{name} \S+ default: {re.escape(str(option.default))}", printed
        )
        assert type(option.default) in (int, float, str)
    assert stop.value.code == 0 and "--seed" in printed


def bad_values(option: inspect.Parameter) -> list[str]:
    """What the guard must refuse; of a word without choices it cannot know."""
    if get_args(option.annotation):
        return ["nonsense"]
    if isinstance(option.default, str):
        return []
    least = 0 if option.name == "seed" else 1
    return ["banana", str(least - 1), "-3", str(2**32), str(2**64)]


@every_option
def test_bad_input_ends_with_one_clear_line(of, capsys):
    lesson, option = OPTIONS[of]
    name = f"--{option}"
    given = [[name, bad] for bad in bad_values(signature(lesson)[option])]
    given += [[name], [f"{name}x", "3"], [name[:-1], "3"]]  # the last is abbreviated
    for bad in given:
        with pytest.raises(SystemExit) as stop:
            call(lesson, *bad)
        usage, line = capsys.readouterr().err.splitlines()
        assert stop.value.code == 2, bad
        assert usage == f"usage: {lesson.name}.py [options]"
        assert line.startswith(f"{lesson.name}.py: error: ") and bad[-1] in line


@every_option
def test_an_option_reaches_main(of):
    lesson, option = OPTIONS[of]
    choices = get_args(signature(lesson)[option].annotation)
    default = signature(lesson)[option].default
    value = "cpu" if "cpu" in choices else choices[-1] if choices else "3"
    assert call(lesson, f"--{option}", value)[option] == type(default)(value)


def test_a_notebook_gets_the_defaults(monkeypatch):
    lesson = LESSONS[0]
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    defaults = {name: option.default for name, option in signature(lesson).items()}
    assert call(lesson, "-f", "kernel.json") == defaults


def test_ctrl_c_ends_with_one_line(monkeypatch, capsys):
    def interrupted(**options):
        raise KeyboardInterrupt

    lesson = LESSONS[0]
    monkeypatch.setattr(sys, "argv", [lesson.path.name])
    with pytest.raises(SystemExit):
        obey(vars(lesson.module()), interrupted)
    usage, line = capsys.readouterr().err.splitlines()
    assert line == f"{lesson.path.name}: error: stopped by Ctrl-C"


def test_a_device_that_is_not_there_is_named(monkeypatch, capsys):
    monkeypatch.setattr(torch, "get_device_module", lambda name: torch.cuda)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit) as stop:
        call(next(x for x in LESSONS if "device" in x.options), "--device", "cuda")
    assert stop.value.code == 2
    assert capsys.readouterr().err.endswith("--device: this machine has no cuda\n")


@pytest.mark.slow
@every_lesson
def test_the_same_file_runs_in_a_real_notebook_kernel(lesson, tmp_path, monkeypatch):
    import nbclient
    import nbformat.v4 as v4

    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel brings its own
    cell = v4.new_code_cell(lesson.text)
    book = v4.new_notebook(cells=[cell])
    client = nbclient.NotebookClient(book, resources={"metadata": {"path": tmp_path}})
    client.execute()
    printed = "".join(out.text for out in cell.outputs if out.output_type == "stream")
    assert "In this run the claim holds." in printed
    assert [out for out in cell.outputs if "image/png" in out.get("data", {})]


def test_a_folder_that_cannot_be_written_costs_one_line_not_the_run(capsys):
    from matplotlib.figure import Figure

    Path("figures").write_text("a file where the folder should be")
    LESSONS[0].module().conclude(True, picture=Figure())
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith("The picture is not saved: ") and "holds" in last


# The repository


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
