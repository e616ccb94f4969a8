"""Documentation that is made from code is current."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_state_table_is_current() -> None:
    done = subprocess.run(
        [sys.executable, "docs/states.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_readme_names_is_there() -> None:
    """Files that the walk through a server's creation leads through."""
    named = re.findall(r"`(novalike/[a-z_/]+\.py)`", (ROOT / "README.md").read_text())
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []
