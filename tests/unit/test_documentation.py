"""Documentation that is made from code is current."""

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_state_table_is_current() -> None:
    made = runpy.run_path(str(ROOT / "docs/states.py"))["render"]()
    assert (ROOT / "docs/states.md").read_text() == made, "run tox -e states"


def test_what_the_readme_names_is_there() -> None:
    """Files that the walk through a server's creation leads through."""
    named = re.findall(r"`(novalike/[a-z_/]+\.py)`", (ROOT / "README.md").read_text())
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []
