"""What the search shows around the words that it found.

Sphinx would fetch each page for that, which a page on a disk may not do. So the texts
of all pages come as a script, _static/texts.js, that the search page loads.
"""

import html
import json
import re

from docutils import nodes


def prepare(app, pagename: str, templatename: str, context: dict, doctree) -> None:
    if pagename == "search":
        app.add_js_file("texts.js")
        app.add_js_file("search.js")


def write_texts(app, exception) -> None:
    if exception or app.builder.name != "html":
        return
    texts = {}
    for name in sorted(app.env.all_docs):
        text = text_of(app.env.get_doctree(name))
        texts[name] = f"<div role='main'>{text}</div>"
    script = f"const pageTexts = {json.dumps(texts)};\n"
    (app.outdir / "_static" / "texts.js").write_text(script, encoding="utf-8")


def text_of(node: nodes.Element) -> str:
    """Its words, as a page without anything else: a result may be one section of it."""
    found = []
    for child in node.children:
        if isinstance(child, nodes.raw) and "highlight-diff" in child.astext():
            found.append(re.sub("<[^>]*>", "", child.astext()))  # of a mistake
        if isinstance(child, (nodes.raw, nodes.Invisible)):
            continue
        if isinstance(child, nodes.section):
            found.append(f"<section id='{child['ids'][0]}'>{text_of(child)}</section>")
        elif isinstance(child, nodes.definition_list_item) and child[0]["ids"]:
            found.append(f"<div id='{child[0]['ids'][0]}'>{text_of(child)}</div>")
        elif isinstance(child, nodes.TextElement):
            found.append(html.escape(child.astext()))
        elif isinstance(child, nodes.Element):
            found.append(text_of(child))
    return "\n".join(found)
