"""Load on one address, by the program wrk."""

import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

# What wrk prints for people is rounded; this is called by it at the end.
_SCRIPT = """
function done(summary, latency, requests)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format('\\n{"requests": %d, "seconds": %.6f, ', summary.requests, summary.duration / 1e6))
  io.write(string.format('"p50": %.1f, "p95": %.1f, ', latency:percentile(50), latency:percentile(95)))
  io.write(string.format('"refused": %d, "broken": %d}\\n', errors.status, broken))
end
"""


@dataclass(frozen=True)
class Load:
    """What came of it.

    :param p50, p95: milliseconds.
    :param rate: answers per second.
    """

    p50: float
    p95: float
    rate: float


def warm(url: str, headers: Mapping[str, str]) -> None:
    """Ask for a second, whatever comes of it."""
    _wrk(url, headers, 1, 1)


def run(url: str, headers: Mapping[str, str], clients: int, seconds: int, missing: bool = False) -> Load:
    """Some clients, each of which asks again as soon as it is answered.

    :param missing: 404 is what is wanted.
    :raises SystemExit: another answer came, or none.
    """
    told = _wrk(url, headers, clients, seconds)
    wrong = abs(told["requests"] - told["refused"]) if missing else told["refused"]
    if wrong or told["broken"] or not told["requests"]:
        raise SystemExit(f"{url} was not always answered as it should: {told}")
    return Load(told["p50"] / 1000, told["p95"] / 1000, told["requests"] / told["seconds"])


def _wrk(url: str, headers: Mapping[str, str], clients: int, seconds: int) -> dict[str, Any]:
    listed = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "60s", "-s", str(_script()), *listed, url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout.rstrip().rsplit("\n", 1)[-1])
    return told


@cache
def _script() -> Path:
    with tempfile.NamedTemporaryFile("w", suffix=".lua", delete=False) as file:
        file.write(_SCRIPT)
    return Path(file.name)
