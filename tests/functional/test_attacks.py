"""What users send to keep a control plane busy is answered at once, and nobody waits beside it."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests import attacks

ROOT = Path(__file__).parents[2]
# Seconds for the whole: ten times what it takes on a busy machine, and nothing to what it took before.
PATIENCE = 150
# Seconds. A stack's limit is a half; here all daemons and everybody else share one process.
SLOWEST_READ = 2.0


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What ``tests.functional.attacked`` said until it ended, or was ended."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.functional.attacked", str(tmp_path_factory.mktemp("attacked"))],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    timer = threading.Timer(PATIENCE, process.kill)
    timer.start()
    try:
        assert process.stdout is not None
        lines = [json.loads(line) for line in process.stdout if line.startswith("[")]
        process.wait()
    finally:
        timer.cancel()
        process.kill()
    return {name: rest for name, *rest in lines}


@pytest.mark.parametrize("attack", [*attacks.FILTERS, *attacks.REQUESTS, *attacks.ADMINISTRATORS], ids=lambda a: a.name)
def test_attack(told: dict[str, list[Any]], attack: attacks.Attack) -> None:
    assert attack.name in told, f"not answered; so far: {list(told)}"
    right, slowest_read, words = told[attack.name]
    assert right, words
    assert slowest_read < SLOWEST_READ, words
