"""Real guests: what they say on their console, and ssh."""

import subprocess
from pathlib import Path

from tests.integration.user.compute_api import ComputeApi
from tests.integration.user.stack import Stack
from tests.integration.user.waiting import wait_for

BOOT_SECONDS = 180  # under emulation, with others on the same cores


def console_text(api: ComputeApi, server_id: str) -> str:
    """The console log as the API gives it."""
    answer = api.compute.post(f"/servers/{server_id}/action", json={"os-getConsoleOutput": {}})
    return answer.json()["output"] if answer.status_code == 200 else ""


def wait_for_console(api: ComputeApi, server_id: str, *texts: str, seconds: float = BOOT_SECONDS) -> str:
    """The console log once everything is in it."""
    last = ""

    def look() -> str | None:
        nonlocal last
        last = console_text(api, server_id)
        return last if all(text in last for text in texts) else None

    try:
        return wait_for(look, f"{texts} on the console", seconds, pause=1)
    finally:
        print(f"console of {server_id}:\n{last[-4000:]}")


def ssh(stack: Stack, key_file: Path, address: str, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a guest, logged in with a key and nothing else."""
    options = (
        "BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=10",
        "IdentitiesOnly=yes", "PasswordAuthentication=no", "LogLevel=ERROR",
    )  # fmt: skip
    return subprocess.run(
        ["ssh", "-F", "none", "-i", str(key_file), *(word for option in options for word in ("-o", option)),
         f"{stack.guest_user}@{address}", command],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
