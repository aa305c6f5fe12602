"""The site: all of it comes from the lessons, their runs, docs/teach/ and the README.

With the variable LESSON set, as `make html LESSON=cnn` does, it is this lesson alone.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import chromium  # noqa: E402
import lessons  # noqa: E402
import search  # noqa: E402

project = "nn"
author = "the nn team"
copyright = "the nn team. Code: MIT; text, figures and slides: CC BY 4.0"
extensions = ["sphinx_gallery.gen_gallery", "sphinx_design", "policy", "together"]
exclude_patterns = ["_build", "slides", "templates", "*.txt", "GALLERY_HEADER.rst"]
smartquotes = False
highlight_language = "text"  # a block without a language is a formula or a list
suppress_warnings = ["sphinx_gallery.space_in_filename"]  # it means the whole path
html_theme = "pydata_sphinx_theme"
html_title = "nn: neural network lessons in PyTorch"
html_static_path = ["static"]
html_favicon = "static/nn.svg"
html_css_files = ["nn.css"]
html_js_files = ["print.js"]
html_show_sourcelink = html_copy_source = html_use_index = False
html_context = {"default_mode": "auto"}
html_sidebars = {"**": []}
html_theme_options = {
    "logo": {"text": "nn"},
    "navbar_align": "left",
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "back_to_top_button": False,  # it would lie over what is touched
}
sphinx_gallery_conf = {
    "examples_dirs": "_build/lessons",  # lessons.stage copies them there
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py",
    "within_subsection_order": "lessons.position",
    "image_scrapers": ("lessons.pictures",),  # of the stored run
    "reset_modules": (),  # nothing is drawn in this process
    "capture_repr": (),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,  # its page loads a script from a CDN
    "first_notebook_cell": "# Where an import is missing, as on Colab: "
    "%pip install -q pytorch-lightning",
}


def setup(app):
    app.add_config_value("colab", lessons.colab(), "env")
    app.add_config_value("paper", chromium.at_hand(), "env")  # whether there are PDFs
    # Another choice of lessons, or of mistakes, is another text of every page
    chosen = [*lessons.chosen(), "with", *lessons.with_mistakes()]
    app.add_config_value("chosen", chosen, "env")
    app.connect("config-inited", lessons.leave_out)
    app.connect("builder-inited", lessons.prepare, priority=100)  # before the gallery
    app.connect("builder-inited", lessons.write_decks, priority=900)  # after it
    app.connect("source-read", lessons.complete)
    app.connect("html-page-context", search.prepare)
    app.connect("build-finished", search.write_texts)
    app.connect("build-finished", lessons.copy_downloads)
