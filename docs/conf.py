"""The site: `make docs`. What has to be computed for it is in `building/`."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from building import kernel, site  # noqa: E402
from building.forms import FORM  # noqa: E402

import moonfield  # noqa: E402

project = "Moonfield"
author = "The Moonfield authors"
copyright = "the Moonfield authors"
version = release = moonfield.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "building.mathml",
    "building.site",
]
exclude_patterns = ["_build", "_generated", "building", "images"]
source_suffix = {".md": "myst-nb", ".rst": "restructuredtext"}
default_role = "literal"
nitpicky = False
html_show_sourcelink = False

# Text
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"

# Pages that compute
nb_execution_mode = "off" if FORM == "plain" else "cache"
nb_execution_cache_path = str(site.cache())
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = 600
nb_execution_in_temp = True
nb_merge_streams = True
nb_output_stderr = "remove-warn"  # a warning on a page is one of the build, and so an error
os.environ.update(kernel.variables())

# Reference
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
autodoc_typehints = "none"
autosummary_generate = False
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Attributes", "params_style")]
python_maximum_signature_line_length = 90
add_module_names = False

# Looks
html_theme = "pydata_sphinx_theme"
html_title = "Moonfield"
html_static_path = ["_static"]
html_css_files = ["moonfield.css"]
html_theme_options = {
    "logo": {"text": "Moonfield"},
    "navbar_align": "left",
    "show_prev_next": True,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {"index": [], "install": [], "gallery": [], "benchmarks": []}
