"""What belongs together stays in one line, on pages and slides."""

import re

from docutils import nodes

CODE = nodes.literal | nodes.FixedTextElement | nodes.math | nodes.raw


def keep_together(app, doctree: nodes.document, name: str) -> None:
    """No line is broken between a number and its %, nor in 2e-14, but for code."""
    for text in [*doctree.findall(nodes.Text)]:
        if isinstance(text.parent, CODE):
            continue
        kept = re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", text)
        kept = re.sub(r"(?<=\de)-(?=\d)", "-\N{WORD JOINER}", kept)
        if kept != text:
            text.parent.replace(text, nodes.Text(kept))


def setup(app) -> dict:
    app.connect("doctree-resolved", keep_together)
    return {"parallel_read_safe": True}
