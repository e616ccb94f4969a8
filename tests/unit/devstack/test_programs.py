"""The shell of devstack that starts programs, over a supervisorctl that only says what it would do."""

import os
import subprocess
from pathlib import Path

DEVSTACK = Path(__file__).parents[3] / "devstack"
# As supervisorctl does, status fails when a program doesn't run.
SUPERVISORCTL = """
ctl() {
  case $1 in
    status) shift; echo "asked $*" >&2
      printf '%s  %s  since then\\n' api:api-1 RUNNING api:api-2 STOPPED mariadb FATAL rabbitmq STARTING
      return 3 ;;
    start) echo "started $2" >&2 ;;
  esac
}
"""


def strictly(command: str) -> list[str]:
    """What a step of stack.sh would ask of supervisorctl, in the order of the alphabet."""
    script = f'for file in "$DEVSTACK"/lib/*.sh; do . "$file"; done; {SUPERVISORCTL} strictly {command} & wait $!'
    environment = {"PATH": os.environ["PATH"], "DEVSTACK": str(DEVSTACK)}
    ran = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=30)
    assert (ran.returncode, ran.stdout) == (0, "")
    return sorted(ran.stderr.splitlines())


def test_only_what_is_idle_is_started() -> None:
    assert strictly("eval 'DECLARED=(api mariadb rabbitmq); start_programs'") == [
        "asked api:* mariadb:* rabbitmq:*", "started api:api-2", "started mariadb",
    ]  # fmt: skip


def test_nothing_is_asked_when_nothing_is_declared() -> None:
    assert strictly("start_programs") == []
