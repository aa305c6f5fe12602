"""What belongs together stays in one line, on pages and slides."""

import re

from docutils import nodes

CODE = nodes.literal | nodes.FixedTextElement | nodes.math | nodes.raw

MINUS = re.compile(r"(?<=\de)-(?=\d)|(?<![\w)-])-(?=[a-zA-Z(])")  # no hyphen


def keep_together(app, doctree: nodes.document, name: str) -> None:
    """No line is broken between a number and its %, nor behind the minus of -log(p) or
    of 2e-14. (Browsers see to -1.) Code stays as it is."""
    for text in [*doctree.findall(nodes.Text)]:
        if isinstance(text.parent, CODE):
            continue
        kept = re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", text)
        kept = MINUS.sub("-\N{WORD JOINER}", kept)
        if kept != text:
            text.parent.replace(text, nodes.Text(kept))


def setup(app) -> dict:
    app.connect("doctree-resolved", keep_together)
    return {"parallel_read_safe": True}
