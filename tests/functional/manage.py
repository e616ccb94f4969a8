"""novalike-manage, run against the databases and the Placement of a cloud of the harness."""

from typing import Any

import pytest

from novalike.cmd import manage
from novalike.cmd.management import placement as placement_commands
from tests.functional.harness import Cloud


class Manage:
    """Runs commands as an operator would, and keeps what the last one said."""

    def __init__(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._file = cloud.folder / "manage.conf"
        self._file.write_text(
            f"[api_database]\nconnection = {cloud.conf.api_database.connection}\n"
            f"[database]\nconnection = {cloud.conf.database.connection}\n"
        )
        monkeypatch.setattr(placement_commands, "PlacementClient", lambda conf: cloud.placement)
        self.out = self.err = ""

    def __call__(self, *words: Any) -> int:
        """The exit status."""
        self._capsys.readouterr()
        status = manage.main(["--config-file", str(self._file), *map(str, words)])
        self.out, self.err = self._capsys.readouterr()
        return status
