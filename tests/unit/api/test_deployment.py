"""Applications for uWSGI and gunicorn."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ASK = """
import sys
import importlib
module = importlib.import_module(sys.argv[1])
import threading
assert "eventlet" not in type(threading.current_thread()).__module__
environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_NAME": "h", "SERVER_PORT": "80", "QUERY_STRING": "",
           "wsgi.url_scheme": "http", "wsgi.input": sys.stdin.buffer, "wsgi.errors": sys.stderr,
           "REMOTE_ADDR": "1.1.1.1", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "h"}
print(b"".join(module.application(environ, lambda status, headers, *more: print(status))))
"""


@pytest.mark.parametrize("module", ["novalike.api.wsgi", "novalike.api.metadata.wsgi"])
def test_it_answers_with_the_configuration_that_the_environment_names(module: str, tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text("[DEFAULT]\ntransport_url = fake:///\n")
    (tmp_path / "b.conf").write_text("[api]\nauth_strategy = noauth2\n[api_metadata]\nworkers = 2\n")
    files = f"{tmp_path}/a.conf;{tmp_path}/b.conf"
    environment = {name: value for name, value in os.environ.items() if name != "NOVALIKE_CONCURRENCY"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK, module],
        env={**environment, "NOVALIKE_CONFIG_FILES": files}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(("200", "300"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK, "novalike.api.wsgi"],
        env={**os.environ, "NOVALIKE_CONFIG_FILES": "/nowhere.conf"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "/nowhere.conf" in done.stderr
    assert "Traceback" not in done.stderr
