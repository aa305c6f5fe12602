"""What stands on slides is the lesson, in larger type: pytest docs/test_lecture.py.

It needs no site: the code of every lesson is cut for slides here.
"""

import ast
import itertools
import json
import re
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import compose  # noqa: E402
import lecture  # noqa: E402
import together  # noqa: E402
from docutils import nodes  # noqa: E402
from docutils.utils import new_document  # noqa: E402

from tools import catalogue  # noqa: E402

LESSONS = catalogue.lessons()
MISTAKES = Path(catalogue.ROOT, "benchmarks", "mistakes.json")  # over seeds


def parts(lesson: str) -> list[str]:
    """The code of a lesson that slides show: cell by cell, up to its main."""
    text, _, _ = LESSONS[lesson].text.partition("\n# %%\n# The lesson\n")
    found = []
    for cell in text.split("\n# %%\n")[1:]:
        lines = cell.splitlines()
        while lines[0].startswith("#"):
            lines.pop(0)
        if not any(compose.draws(line) for line in lines):
            found.append("\n".join(lines).strip("\n"))
    return found


def meaning(code: str) -> str:
    """What Python reads in this code; of docstrings, their words."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            text = node.body[0].value
            text.value = " ".join(text.value.split())
    return ast.dump(tree)


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_idea_can_be_gone_through_in_its_minutes(lesson):
    idea, _, _ = LESSONS[lesson].docstring.partition(":Run:")
    minutes = LESSONS[lesson].taught["slide"]["idea"]["minutes"]
    assert len(idea.split()) / minutes <= 230  # as fast as one reads


def test_what_adapt_says_of_five_seeds_is_so():
    answer = LESSONS["adapt"].taught["question"][0]["answer"]
    told = re.search(r"five seeds both came to between (\d+)% and (\d+)%", answer)
    kept = json.loads(MISTAKES.read_text(encoding="utf-8"))["adapt"][""]
    assert kept["seeds"] == 5
    four, everything = (kept["numbers"][f"pretrained_{n}"] for n in (4, "all"))
    found = [round(100 * share) for share in (*four, *everything)]
    assert [min(found), max(found)] == [int(told[1]), int(told[2])]


def words_of_comments(code: str) -> list[str]:
    comments = [comment for _, comment in lecture.code_and_comments(code)]
    lines = [line.strip() for line in code.splitlines() if lecture.is_comment(line)]
    said = " ".join([*comments, *lines]).replace(lecture.ABOVE, "")
    return sorted(said.replace("#", "").split())


@pytest.mark.parametrize("lesson", LESSONS)
def test_code_in_narrow_lines_says_the_same(lesson):
    assert len(parts(lesson)) >= 5
    for code in parts(lesson):
        found = lecture.narrow(code)
        assert lecture.fits(found)
        assert meaning(found) == meaning(code)
        assert words_of_comments(found) == words_of_comments(code)


@pytest.mark.parametrize("lesson", LESSONS)
def test_all_of_the_code_is_on_slides_in_28_pixels_or_more(lesson):
    for code in parts(lesson):
        slides = lecture.code_slides(code)
        text = [line for _, lines in slides for line in lines if line]
        text = [line for line in text if not re.fullmatch(r"# [\w.]+, continued", line)]
        kept = lecture.narrow(lecture.to_teach(code))
        assert text == [line for line in kept.splitlines() if line]
        for size, lines in slides:
            assert "\n".join(lines).count('"""') % 2 == 0  # no docstring is cut
            assert size >= 28 and lines[0] and lines[-1]
            assert max(len(line) for line in lines) * 0.602 * size <= 1200
            assert len(lines) * 1.2 * size <= 580
            assert not lines[0].startswith(" ")  # else all would be set at the margin
            for before, line in itertools.pairwise(lines):  # an arrow points at code
                assert before.strip() != ")" or lecture.ABOVE not in line


@pytest.mark.parametrize("lesson", LESSONS)
def test_what_a_constant_is_stands_on_the_slide_that_uses_it_first(lesson):
    first, _, _ = LESSONS[lesson].text.partition("\n# %%\n")
    exec(first, values := {})
    cells = {code: lecture.code_slides(code) for code in parts(lesson)}
    slides = lecture.with_constants(cells, first)
    assert [*slides] == [*cells]
    left = lecture.constants(first)
    for name, said in left.items():
        exec(said, values, again := {})
        assert str(again[name]) == str(values[name])
    for size, lines in itertools.chain(*slides.values()):
        assert size >= 28 and len(lines) * 1.2 * size <= 580
        assert lecture.fits("\n".join(lines))
        comments = itertools.takewhile(lecture.is_comment, lines)
        top = " ".join(line.removeprefix("# ") for line in comments)
        for name in {*left} & {*re.findall(r"\w+", "\n".join(lines))}:
            assert left.pop(name) in top


def test_a_number_stays_with_its_percent_but_code_is_as_it_is():
    said = "less than 25 % of 2e-14, the well-known -log(p)"
    page = new_document("page")
    for kind in (nodes.paragraph, nodes.literal, nodes.literal_block, nodes.math):
        page += kind("", "", nodes.Text(said))
    together.keep_together(None, page, "page")
    kept, *code = [part.astext() for part in page.children]
    joined = "less than 25\N{NO-BREAK SPACE}% of 2e-\N{WORD JOINER}14, "
    assert kept == joined + "the well-known -\N{WORD JOINER}log(p)"
    assert code == [said] * 3


def test_a_printed_table_is_not_broken_but_smaller():
    table = "\n".join("x" * 80 for _ in range(3))
    assert lecture.printed_slides([table]) == [(24, ["x" * 80] * 3)]
    assert lecture.printed_slides(["x" * 70]) == [(28, ["x" * 70])]
    ((size, lines),) = lecture.printed_slides(["xxxx " * 20])
    assert size == 28 and [len(line) for line in lines] == [69, 29]


def test_a_slide_that_begins_within_a_function_says_in_which():
    body = "\n".join(f"        a = {n}" for n in range(30))
    code = f"class A:\n    def b(self):\n{body}\n\n\ndef c():\n    return 1"
    slides = [lines for _, lines in lecture.code_slides(code)]
    assert [slide[0] for slide in slides] == [
        "class A:",
        "# A.b, continued",
        "def c():",
    ]


CHECKED = '''
def half(x: Tensor, twice: bool) -> Tensor:
    """A table (N, D) -> its upper half; ValueError for another
    shape."""
    if x.shape[0] % 2 != 0:
        raise ValueError("an odd number of rows")
    if twice:
        x = half(x, False)
    try:
        x = read(x)
    except OSError:
        sys.exit("cannot be read")
    return x[: len(x) // 2]


def print_loss(step: int, loss: float) -> None:
    print(f"{step:4}: {loss:.3f}")
'''
UNCHECKED = '''
def half(x: Tensor, twice: bool) -> Tensor:
    """A table (N, D) -> its upper half."""
    if twice:
        x = half(x, False)
    x = read(x)
    return x[: len(x) // 2]
'''


def test_no_slide_has_a_check_and_nothing_else_is_left_out():
    assert lecture.to_teach(CHECKED).strip() == UNCHECKED.strip()
    for lesson in LESSONS:
        for code in parts(lesson):
            kept = lecture.to_teach(code)
            cut = "ValueError", "sys.exit(", "def print_loss("
            assert not any(one in kept for one in cut)
            if not any(one in code for one in cut):
                assert kept == code


def test_a_comment_stands_above_its_line_and_a_shape_below():
    line = "    result = combine(first_argument, second_argument, third)"
    found = lecture.narrow(f"def f():\n{line}  # of all three arguments together")
    assert found == f"def f():\n    # of all three arguments together\n{line}"
    found = lecture.narrow(f"def f():\n{line}  # (B, 10, 28, 28)")
    assert found == f"def f():\n{line}\n{'# ↑ (B, 10, 28, 28)'.rjust(lecture.COLUMNS)}"
    found = lecture.narrow(f"def f():\n    # Why?\n{line}  # of all three arguments")
    below = "# ↑ of all three arguments".rjust(lecture.COLUMNS)
    assert found == f"def f():\n    # Why?\n{line}\n{below}"


def test_a_paragraph_is_cut_between_its_outermost_statements():
    lines = ["def f():"] + [f"    a{n} = {n}" for n in range(7)]
    lines += ["    for i in range(3):"] + [f"        b{n} = i" for n in range(8)]
    lines += ["    return a0"]
    first, second = lecture.halves(lines)
    assert first + second == lines
    assert second[0] == "    for i in range(3):"


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_idea_is_told_in_few_sentences_a_slide_and_none_is_lost(lesson):
    text = "\n".join(LESSONS[lesson].docstring.splitlines()[2:])
    slides = lecture.ideas(text)
    told = " ".join(slides).split()
    whole = text.partition("\n:Run:")[0].split()
    assert [word for word in told if word in whole][: len(whole)] == whole
    assert len(told) <= len(whole) + 5  # a command that the last sentence points at
    assert len(slides) >= 5
    for slide in slides:
        assert len(slide) <= 460 and not slide.endswith(":")


def test_sentences_are_cut_at_their_ends_but_not_inside_parentheses():
    text = (
        "One is 0.5. Two (so it is. Really so.) has x. Three, says Li et al. in 2020."
    )
    assert lecture.sentences(text) == [
        "One is 0.5.",
        "Two (so it is. Really so.) has x.",
        "Three, says Li et al. in 2020.",
    ]


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_long_claim_takes_several_slides_and_keeps_its_sentences(lesson):
    claim = LESSONS[lesson].claim
    slides = lecture.claims(claim)
    assert [one for slide in slides for one in slide] == lecture.sentences(claim)
    for slide in slides:
        letters = sum(len(sentence) for sentence in slide)
        assert letters <= lecture.CLAIMED or len(slide) == 1


def test_what_needs_two_slides_fills_them_evenly():
    four = [f"{'a ' * 48}b{n}." for n in range(4)]  # of 99 letters each
    text = " ".join(one.capitalize() for one in four)
    assert [slide.count(".") for slide in lecture.ideas(text)] == [2, 2]
    code = "\n\n".join(
        "\n".join(f"a = {n}" for n in range(rows)) for rows in (3, 2, 8, 2)
    )
    slides = [
        [line for line in lines if line] for _, lines in lecture.code_slides(code)
    ]
    assert [len(lines) for lines in slides] == [5, 10]


def test_what_it_is_stands_on_the_same_slide():
    text = " ".join([f"{'A ' * 90}one.", f"{'A ' * 30}two.", f"{'It ' * 60}three."])
    assert [slide.count("It") for slide in lecture.ideas(text)] == [0, 60]
    assert lecture.ideas(text)[1].startswith("A ")
    for lesson in LESSONS:
        for before, slide in itertools.pairwise(
            lecture.ideas("\n".join(LESSONS[lesson].docstring.splitlines()[2:]))
        ):
            *others, last = lecture.sentences(before)
            moved = others and not re.match(lecture.REFERS, last)
            assert not (moved and re.match(lecture.REFERS, slide)), slide
