"""What stands on a slide: code in large type, and text a few sentences at a time.

A lesson's lines have up to 88 columns. At 28 pixels of 720, between margins, a slide
has room for 71. So its code is set anew for slides, by ruff, in narrower lines: the
same statements in the same order. And what a first reader need not see is left out:
checks of what a function was given, and a function that only prints how training goes.
"""

import ast
import io
import itertools
import math
import re
import subprocess
import sys
import textwrap
import tokenize
from collections.abc import Callable

from tools.catalogue import ends_in_words

COLUMNS, LINES = 71, 16  # of code in the smallest type, and below a heading of one line
SIZES = (28, 32)  # of code, in pixels of 720
WIDE, SMALL = 82, 24  # what is printed may have so many columns, in type of this size
LETTERS = 380  # on a slide of text; more, if a sentence is longer or belongs to it
CLAIMED = 320  # and of a claim, below its question and with room between its sentences
PROMISED = re.compile(r";\s+ValueError for [\w\s]+(?=\.)")  # in a docstring
LISTED = r"(?:\d+\.|\*) "  # begins an item of a list
REFERS = r"(It|Its|They|Their|Both)\b"  # to what the sentence before it names
SHAPE = "# > "  # marks a comment about what its line leaves, until it is set below it
ABOVE = "# ↑ "  # and then it says that it belongs there
Slides = list[tuple[int, list[str]]]  # of each, the size of its letters, and its lines


# Code


def code_slides(code: str) -> Slides:
    """A part's code, for as many slides as it needs, and its size on each."""
    code = to_teach(code)
    return in_large_type(named(paged(narrow(code)))) if code else []


def named(pages: list[list[str]]) -> list[list[str]]:
    """The same; a slide that begins within a function or a class says in which. Where
    nothing stands at the margin, all of it would be set there."""
    found, inside = [], {}  # how far in a name is defined
    for page in pages:
        margin = len(indent_of(page[0]))
        around = [name for place, name in sorted(inside.items()) if place < margin]
        found.append([f"# {'.'.join(around)}, continued", *page] if around else page)
        for line in page:
            if defined := re.match(r"( *)(?:def|class) (\w+)", line):
                place = len(defined[1])
                inside = {at: name for at, name in inside.items() if at < place}
                inside[place] = defined[2]
            elif re.match(r"[^\s)\]}]", line):  # the function before it is at its end
                inside = {}
    return found


def constants(code: str) -> dict[str, str]:
    """What names in capitals stand for in this code, by name, where it is short."""
    found = {}
    for node in ast.parse(code).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, said = node.targets[0].id, ast.get_source_segment(code, node)
            if name.isupper() and fits(f"# {said}") and "\n" not in said:
                found[name] = said
    return found


def with_constants(parts: dict[str, Slides], first: str) -> dict[str, Slides]:
    """The same parts; a slide that is the first to use a constant of the lesson's first
    cell, which has no slide, begins with a comment that says what it is."""
    found, told = {}, constants(first)
    for head, slides in parts.items():
        found[head] = []
        for _, page in slides:
            words = re.findall(r"\w+", "\n".join(page))
            new = [told.pop(name) for name in [*told] if name in words]
            page = below_constants(page, ", ".join(new)) if new else page
            found[head].append((size(page), page))
    return found


def below_constants(page: list[str], said: str) -> list[str]:
    """The slide below a comment, which shares the line that says in which function the
    slide begins, if there is one and room for both."""
    both = f"{page[0]}; {said}"
    if page[0].endswith(", continued") and fits(both):
        return [both, *page[1:]]
    return [*filled(said, "# "), *page]


def printed_slides(paragraphs: list[str]) -> Slides:
    """What a lesson prints, likewise."""
    if not paragraphs:
        return []
    printed = "\n\n".join(paragraphs)
    lines = "\n".join(broken(line) for line in printed.splitlines())
    return in_large_type(paged(lines))


def broken(line: str) -> str:
    """A line that is too long even for small type, in as many as it needs."""
    if len(line) <= WIDE:
        return line
    return "\n".join(filled(line.strip(), indent_of(line)))


def in_large_type(pages: list[list[str]]) -> Slides:
    return [(size(page), page) for page in pages]


def paged(text: str) -> list[list[str]]:
    """Its lines, for as many slides as they need."""
    paragraphs = []
    for paragraph in re.split(r"\n\n+", text):
        if paragraphs and in_docstring(paragraphs[-1]):
            paragraphs[-1] += f"\n\n{paragraph}"
        else:
            paragraphs.append(paragraph)
    paragraphs = [piece for one in paragraphs for piece in halves(one.splitlines())]
    return evenly(filled_pages, paragraphs, LINES)


def in_docstring(code: str) -> bool:
    """Whether this code ends within a docstring."""
    return code.count('"""') % 2 == 1


def to_teach(code: str) -> str:
    """The code without what only refuses a wrong input: an `if` that does no more than
    raise a ValueError, or end the program; and of a `try` that ends the program if it
    fails, only what is tried. No docstring promises what was left out; nor is
    print_loss shown."""
    lines = PROMISED.sub("", code).splitlines()
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.If) and not node.orelse and refuses(node.body):
            lines[node.lineno - 1 : node.end_lineno] = blanks(node)
        if isinstance(node, ast.FunctionDef) and node.name == "print_loss":
            lines[node.lineno - 1 : node.end_lineno] = blanks(node)
        if isinstance(node, ast.Try) and ends_in_words(node):
            start, end = node.body[0].lineno - 1, node.body[-1].end_lineno
            tried = [line.removeprefix("    ") for line in lines[start:end]]
            lines[node.lineno - 1 : node.end_lineno] = blanks(node)
            lines[start:end] = tried
    return "\n".join(line for line in lines if line is not None).strip("\n")


def blanks(node: ast.stmt) -> list[None]:
    """In place of the lines of a statement."""
    return [None] * (node.end_lineno - node.lineno + 1)


def refuses(body: list[ast.stmt]) -> bool:
    """Whether it only raises or ends, and maybe gives names to what it then says."""
    *before, last = body
    named = all(isinstance(one, ast.Assign) for one in before)
    return named and ast.unparse(last).startswith(("raise ValueError(", "sys.exit("))


def narrow(code: str) -> str:
    """The same code in lines of COLUMNS letters."""
    if fits(code):
        return code
    code = docstrings_refilled(comments_refilled(code))
    lines, before = [], ""
    for does, comment in code_and_comments(code):
        lines += comment_apart(does, comment, is_comment(before))
        before = does
    code = "\n".join(lines)
    if not fits(code):
        ruff = [sys.executable, "-m", "ruff", "format", "--isolated", "--quiet"]
        ruff += ["--line-length", str(COLUMNS), "-"]
        done = subprocess.run(ruff, input=code, capture_output=True, text=True)
        if done.returncode:
            raise ValueError(f"ruff: {done.stderr}")
        code = done.stdout.rstrip("\n")
    lines = []
    for line in code.splitlines():
        if line.lstrip().startswith(SHAPE):
            if lines[-1].strip() == ")":  # an arrow would point beside it
                lines[-1] += line.strip().replace(SHAPE, "  # ")
                continue
            line = line.strip().replace(SHAPE, ABOVE).rjust(COLUMNS)
        lines += string_in_two(line)
    return "\n".join(lines)


def string_in_two(line: str) -> list[str]:
    """A line that is one long string, as two strings, which Python joins: cut behind a
    space, or else between braces, but not inside them."""
    found = re.fullmatch(r'( *f?")(.*)("\)?,?)', line)
    if len(line) <= COLUMNS or not found:
        return [line]
    start, text, end = found.groups()
    fitting = text[: COLUMNS - len(start) - 1]
    closed = [
        place
        for place in range(1, len(fitting) + 1)
        if fitting.count("{", 0, place) == fitting.count("}", 0, place)
    ]
    spaces = [place for place in closed if fitting[place - 1] == " "]
    cut = (spaces or closed)[-1]
    return [f'{start}{text[:cut]}"', f"{start}{text[cut:]}{end}"]


def fits(code: str) -> bool:
    return all(len(line) <= COLUMNS for line in code.splitlines())


def code_and_comments(code: str) -> list[tuple[str, str]]:
    """Each line, in two: what it does, and the comment behind it, if there is one."""
    lines = code.splitlines()
    parts = [(line, "") for line in lines]
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        row, column = token.start
        does = lines[row - 1][:column].rstrip() if row <= len(lines) else ""
        if token.type == tokenize.COMMENT and does:
            parts[row - 1] = does, token.string
    return parts


def comment_apart(does: str, comment: str, commented: bool) -> list[str]:
    """The line as it was; or, if it is too long, its comment on a line of its own:
    above, or, if it says the shape of what comes out, or there is a comment above
    already, below and to the right."""
    line = f"{does}  {comment}".rstrip()
    if not comment or len(line) <= COLUMNS:
        return [line]
    text = comment.removeprefix("# ")
    if text.startswith("(") or commented and len(ABOVE + text) <= COLUMNS:
        return [does, indent_of(does) + SHAPE + text]
    return [*filled(text, indent_of(does) + "# "), does]


def comments_refilled(code: str) -> str:
    """Comments that have lines of their own, in lines that are not too long."""
    lines = []
    for comment, group in itertools.groupby(code.splitlines(), is_comment):
        group = [*group]
        if comment and not fits("\n".join(group)):
            text = " ".join(line.lstrip().removeprefix("# ") for line in group)
            group = filled(text, indent_of(group[0]) + "# ")
        lines += group
    return "\n".join(lines)


def is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def docstrings_refilled(code: str) -> str:
    """Docstrings in lines that are not too long, paragraph by paragraph."""
    lines = code.splitlines()
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        first = node.body[0]
        if ast.get_docstring(node) is None:
            continue
        start, end = first.lineno - 1, first.end_lineno
        indent = " " * first.col_offset
        text = "\n".join(line.strip() for line in lines[start:end])
        if not fits("\n".join(lines[start:end])):
            paragraphs = [filled(one, indent) for one in text.split("\n\n")]
            lines[start] = "\n\n".join("\n".join(one) for one in paragraphs)
            lines[start + 1 : end] = [None] * (end - start - 1)
    return "\n".join(line for line in lines if line is not None)


def indent_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def filled(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        COLUMNS,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def halves(lines: list[str]) -> list[list[str]]:
    """A paragraph in pieces that fit on a slide, cut where the fewest statements are
    open: before the line that is indented least, and of these the most even cut."""
    if len(lines) <= LINES:
        return [lines]
    even = len(lines) / math.ceil(len(lines) / LINES)
    places = range(LINES // 3, min(LINES, len(lines) - 2) + 1)
    cut = min(places, key=lambda place: (depth(lines, place), abs(place - even)))
    return [lines[:cut], *halves(lines[cut:])]


def depth(lines: list[str], place: int) -> int:
    """How far in this line is; beyond all, within a docstring, and where a bracket
    closes, a docstring begins, or the comment above it would be left behind."""
    line = lines[place]
    if in_docstring("\n".join(lines[:place])):
        return 2 * COLUMNS
    goes_on = line.lstrip().startswith((")", "]", "}", '"""', ABOVE))
    if goes_on or is_comment(lines[place - 1]):
        return COLUMNS
    return len(indent_of(line))


def evenly(fill: Callable, paragraphs: list, most: int, step: int = 1) -> list:
    """On as few slides as they need, and none of them much fuller than the others:
    `fill` puts so many lines or letters on each, fewer and fewer."""
    slides = fill(paragraphs, most)
    for fewer in range(most - step, 0, -step):
        found = fill(paragraphs, fewer)
        if len(found) > len(slides):
            break
        slides = found
    return slides


def filled_pages(paragraphs: list[list[str]], most: int) -> list[list[str]]:
    """Paragraph by paragraph, to so many lines a slide."""
    slides = [[]]
    for lines in paragraphs:
        if slides[-1] and len(slides[-1]) + 1 + len(lines) > most:
            slides.append([])
        slides[-1] += ["", *lines] if slides[-1] else lines
    return slides


def size(lines: list[str]) -> int:
    """The largest type, in pixels, in which these lines fit a slide."""
    wide = 1200 / 0.602 / max(len(line) for line in lines)
    high = 580 / 1.2 / len(lines)
    if wide < SIZES[0]:
        return SMALL  # only what is printed is as wide
    return max(one for one in SIZES if one <= max(min(wide, high), SIZES[0]))


# Text


def ideas(docstring: str, letters: int = LETTERS) -> list[str]:
    """The docstring's paragraphs, a few sentences on each slide. One that begins in
    bold letters begins a slide; what ends in a colon stays with what follows it."""
    sections = [[]]
    for paragraph in re.split(r"\n\n+", docstring.strip()):
        if paragraph.startswith("**"):
            sections.append([])
        sections[-1].append(paragraph)
    slides = [evenly(filled_slides, section, letters, 20) for section in sections]
    return [slide for some in slides for slide in some]


def filled_slides(paragraphs: list[str], letters: int) -> list[str]:
    """Sentence by sentence, to so many letters a slide. One that begins with "it" or
    the like stays with the one before it."""
    slides = [[]]  # of each, its pieces, and what parts each from the one before it
    for paragraph in paragraphs:
        if paragraph.startswith(":"):  # how to run it, shapes, paper: on the page
            if joined(slides[-1]).endswith(":"):  # "See with this command:"
                command = paragraph.split("\n")[0].removeprefix(":Run: ")
                slides[-1].append(("\n\n", command))
            continue
        listed = re.match(LISTED, paragraph)
        between = "\n\n"
        for piece in items(paragraph) if listed else sentences(paragraph):
            last = joined(slides[-1])
            full = len(last) + len(piece) > letters
            if last and full and not last.endswith(":"):
                slides.append(taken_along(slides[-1], piece))
            slides[-1].append((between, piece))
            between = "\n" if listed else " "
    return [joined(one) for one in slides if one]


def taken_along(before: list[tuple[str, str]], piece: str) -> list[tuple[str, str]]:
    """The last sentence of a slide, if this piece refers to it, and it can be moved."""
    if not re.match(REFERS, piece) or len(before) < 2:
        return []
    if before[-2][1].endswith(":") or re.match(REFERS, before[-1][1]):
        return []
    return [before.pop()]


def joined(pieces: list[tuple[str, str]]) -> str:
    return "".join(
        between + piece if number else piece
        for number, (between, piece) in enumerate(pieces)
    )


def claims(claim: str) -> list[list[str]]:
    """The sentences of a claim, a few on each slide."""
    return [sentences(slide) for slide in ideas(claim, CLAIMED)]


def items(paragraph: str) -> list[str]:
    """The items of a list, each with its number or star."""
    return re.split(rf"\n(?={LISTED})", paragraph)


def sentences(text: str) -> list[str]:
    """The sentences of a text; what stands in parentheses stays together."""
    if text.startswith(" "):  # set as code
        return [text]
    found = []
    for piece in re.split(r"(?:(?<=[.?!])|(?<=[.?!]\)))\s+(?=[A-Z(*`])", text):
        if found and found[-1].count("(") > found[-1].count(")"):
            found[-1] += f" {piece}"
        else:
            found.append(piece)
    return [" ".join(one.split()) for one in found]
