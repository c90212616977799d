"""How the documentation is built; everything it shows is computed by the build, offline."""

import os
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))
os.environ["MPLBACKEND"] = "Agg"
os.environ["TQDM_DISABLE"] = "1"

import oxyspy  # noqa: E402

project = "oxyspy"
author = "The oxyspy developers"
copyright = author  # noqa: A001
version = release = oxyspy.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    # MathJax inside the site: formulas show without a network
    "sphinx-mathjax-offline",
    "sphinx_gallery.gen_gallery",
    # last: it writes pages that the others read
    "oxyspy_docs",
]
exclude_patterns = ["_build", "gallery", "tutorials", "api/README.md"]
templates_path = ["_templates"]
default_role = "py:obj"
# every name in backticks must exist; types of other packages in signatures have no page to link to, offline
nitpicky = True
nitpick_ignore_regex = [("py:class", r".*"), ("py:obj", r"typing\..*|ConfigDict")]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

sphinx_gallery_conf = {
    "examples_dirs": ["gallery", "tutorials"],
    "gallery_dirs": ["auto_examples", "auto_tutorials"],
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "default_thumb_file": str(HERE / "images" / "rocksalt_2nm.png"),
    "download_all_examples": False,
    # tables are shown as tables; what matplotlib calls return is of no use to a reader
    "capture_repr": ("_repr_html_",),
    "min_reported_time": 1e6,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "abort_on_example_error": False,
    # what an example calls may have changed where its text has not
    "run_stale_examples": True,
    # as many at once as Sphinx has jobs
    "parallel": True,
    "write_computation_times": False,
    "reset_modules": ("matplotlib", "oxyspy_docs.quiet"),
    "image_srcset": ["2x"],
}
# of other packages, on import; they say nothing to our readers
warnings.filterwarnings("ignore", category=DeprecationWarning)
warnings.filterwarnings("ignore", message="Importing `Lazy")

html_theme = "pydata_sphinx_theme"
html_context = {"default_mode": "auto"}
html_title = "oxyspy"
html_static_path = ["_static"]
html_css_files = ["oxyspy.css"]
html_show_sourcelink = False
# a page without pages below it needs no list of them
html_sidebars = {name: [] for name in ("index", "getting_started", "cli", "reproduce")}
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": False,
    "collapse_navigation": True,
    "show_toc_level": 2,
    "header_links_before_dropdown": 5,
    "navbar_align": "left",
    "footer_end": [],
    "pygments_light_style": "tango",
}
