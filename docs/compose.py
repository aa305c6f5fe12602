"""The page of a lesson, put together from what the gallery wrote and what is taught.

The gallery's text has the docstring, then heading, prose and code of each part, then
the pictures and what was printed. Here it is cut into these, and set in a reader's
order: the question, the idea with its diagram and formula, the parts, what came out,
the claim, exercises, mistakes.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from docutils.core import publish_string
from docutils.writers.html5_polyglot import Writer
from latex2mathml.converter import convert

CUT = re.compile(r"(?m)^\.\. GENERATED FROM PYTHON SOURCE LINES .*\n")
CODE = ".. code-block:: Python\n"
FIELDS = re.compile(r"(?m)^:Run:")
# Parts that a first reader may skip: their code is folded
FOLDED = re.compile(r"The lesson$|Real handwritten|The command line$")


@dataclass
class Part:
    heading: str
    prose: str
    code: str  # as it stands behind `.. code-block::`, indented

    @property
    def folded(self) -> bool:
        drawn = any(draws(line.strip()) for line in self.code.splitlines())
        return drawn or bool(FOLDED.match(self.heading))


@dataclass
class Page:
    title: str
    top: str  # labels, and the title with its line below
    idea: str  # the docstring
    fields: str  # how to run it, shapes, paper
    imports: str  # code, indented, as that of a part
    parts: list[Part]
    footer: str  # what can be downloaded


def cut(source: str) -> Page:
    """What the gallery wrote about a lesson, in its pieces."""
    head, *blocks = CUT.split(source)
    title = re.search(r"(?m)^(.+)\n=+\n", head)
    text = head[title.end() :]
    fields = FIELDS.search(text).start()
    _, _, imports = blocks[0].partition(CODE)
    parts = []
    for text_block, code_block in zip(blocks[1::2], blocks[2::2], strict=True):
        heading, _, prose = text_block.strip().partition("\n")
        _, _, prose = prose.partition("\n")  # without the line below the heading
        _, _, code = code_block.partition(CODE)
        parts.append(Part(heading.strip(), plain(prose.strip()), only_code(code)))
    _, _, footer = source.partition(".. rst-class:: sphx-glr-timing")
    footer = footer.partition(".. _sphx_glr_download")
    return Page(
        title=title[1],
        top=head[: title.end()],
        idea=plain(text[:fields].strip()),
        fields=text[fields:].strip(),
        imports=only_code(imports),
        parts=parts,
        footer=footer[1] + footer[2],
    )


def plain(text: str) -> str:
    """The same, its blocks named as text: the gallery takes a block without a language
    for Python, and colours it so."""
    return re.sub(r"(?m)^(\S.*:):\n\n(?= +\S)", r"\1\n\n.. code-block:: text\n\n", text)


def draws(line: str) -> bool:
    """Whether a line begins a function that draws: it is not what a lesson teaches."""
    return line.startswith(("def figure(", "def figure_", "def draw_"))


def only_code(block: str) -> str:
    """The indented lines at the block's beginning: behind them comes what it left."""
    lines = []
    for line in block.splitlines():
        if line.strip() and not line.startswith("    "):
            break
        lines.append(line)
    return "\n".join(lines).strip("\n")


def code(text: str, indent: str = "") -> str:
    lines = [f"{indent}.. code-block:: Python", ""]
    lines += [f"{indent}{line}" if line else "" for line in text.splitlines()]
    return "\n".join(lines)


def mathml(formula: str) -> str:
    """The formula for a browser, which sets it itself: nothing is fetched."""
    return convert(formula, display="block")


def diagram(svg: str, steps: str = "") -> str:
    """The text of a diagram, for a page; with "fragment", built up on a slide."""
    svg = re.sub(r"(?s)^\s*<\?xml.*?\?>\s*", "", svg)
    return svg.replace('class="nn-step"', f'class="nn-step {steps}"') if steps else svg


def html(text: str, style: Path) -> str:
    """A page of this reStructuredText, with the style sheet in it, by docutils alone.

    Not inside Sphinx, which has directives of its own. A warning is an error."""
    settings = {
        "halt_level": 2,
        "initial_header_level": 2,
        "stylesheet_path": str(style),
        "embed_stylesheet": True,
        "syntax_highlight": "long",
        "smart_quotes": False,
        "raw_enabled": True,
    }
    return publish_string(text, writer=Writer(), settings_overrides=settings).decode()
