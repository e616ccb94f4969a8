"""How Sphinx builds these pages."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

project = "novalike"
copyright = "the novalike developers"  # noqa: A001
extensions = ["myst_parser", "oslo_config.sphinxext"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "A Nova-style compute service", "page_width": "1100px"}
myst_heading_anchors = 3
