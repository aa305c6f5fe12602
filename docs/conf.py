"""The site: everything on it comes from the lessons, docs/teach/ and the README."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
os.environ["MATPLOTLIBRC"] = str(HERE.parent / "matplotlibrc")
os.environ["NN_DATA"] = str(HERE / "_build")  # no MNIST there: what a fresh clone shows

import lessons  # noqa: E402

# Where Colab finds the notebooks: the branch that the GitHub workflow publishes.
repository = os.environ.get("GITHUB_REPOSITORY", "OWNER/nn")
colab = f"https://colab.research.google.com/github/{repository}/blob/gh-pages/notebooks"

project = "nn"
author = "the nn team"
copyright = "the nn team. Code: MIT; text, figures and slides: CC BY 4.0"
extensions = ["sphinx_gallery.gen_gallery", "sphinx_design"]
exclude_patterns = ["_build", "slides", "templates", "requirements.txt"]
smartquotes = False
suppress_warnings = ["sphinx_gallery.space_in_filename"]  # it means the whole path
html_theme = "pydata_sphinx_theme"
html_title = "nn: neural network lessons in PyTorch"
html_static_path = ["static"]
html_favicon = "static/nn.svg"
html_css_files = ["nn.css"]
html_show_sourcelink = html_copy_source = html_use_index = False
html_show_search_summary = False  # it is fetched, which a page on disk may not do
html_context = {"default_mode": "auto"}
html_sidebars = {"**": []}
html_theme_options = {
    "logo": {"text": "nn"},
    "navbar_align": "left",
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
sphinx_gallery_conf = {
    "examples_dirs": "..",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py",
    "ignore_pattern": r"test_|conftest",
    "within_subsection_order": "lessons.position",
    "image_scrapers": ("lessons.record", "matplotlib"),
    "reset_modules": (),  # matplotlibrc stays in force
    "capture_repr": (),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,  # its page loads a script from a CDN
    "first_notebook_cell": "# Where an import is missing, as on Colab: "
    "%pip install -q pytorch-lightning torchmetrics",
}


def setup(app):
    app.add_config_value("colab", colab, "env")
    app.connect("builder-inited", lessons.write_decks, priority=900)  # after the runs
    app.connect("source-read", lessons.complete)
    app.connect("build-finished", lessons.copy_downloads)
