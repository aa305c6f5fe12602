"""The decks, from slides/<lesson>.rst, which the site's build writes."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

from lessons import chosen  # noqa: E402

project = "nn"
extensions = ["sphinx_revealjs", "policy", "together"]
highlight_language = "text"  # a block without a language is a formula or a list
include_patterns = [f"{lesson}.rst" for lesson in chosen()]
root_doc = [*chosen()][0]  # no deck needs an index
html_favicon = "../static/nn.svg"
revealjs_style_theme = "white-contrast"  # its font is not fetched
revealjs_static_path = ["../static"]
revealjs_css_files = ["slides.css"]
revealjs_js_files = ["slides.js"]
revealjs_script_conf = {
    "width": 1280,
    "height": 720,
    "margin": 0,  # slides.css has one inside each slide
    "center": False,
    "hash": True,
    "slideNumber": "c/t",
    "transition": "none",
    "pdfSeparateFragments": False,  # on paper, a diagram as it is at last
}
revealjs_script_plugins = [
    {"name": "RevealNotes", "src": "revealjs/plugin/notes/notes.js"},
    {"name": "RevealHighlight", "src": "revealjs/plugin/highlight/highlight.js"},
]
