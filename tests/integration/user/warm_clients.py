"""Run by the Python of the clients: imports them once, then forks for each command that it reads.

A command is a line of JSON: its words, and a folder where its output goes. The answer is a line with its status.
"""

import importlib
import json
import os
import sys
import traceback

PROGRAMS = {"openstack": "openstackclient.shell", "nova": "novaclient.shell"}


def run(words: list[str], folder: str) -> int:
    """In a child: what the console script does. The status it would end with."""
    for descriptor, path in ((0, os.devnull), (1, f"{folder}/out"), (2, f"{folder}/err")):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), descriptor)
    sys.argv = words
    try:
        status = importlib.import_module(PROGRAMS[words[0]]).main(words[1:])
    except SystemExit as e:
        status = e.code
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    if status is None or isinstance(status, int):
        return int(status or 0)
    os.write(2, str(status).encode())
    return 1


def serve() -> None:
    for module in (*PROGRAMS.values(), "openstackclient.compute.v2.server", "openstackclient.network.client"):
        importlib.import_module(module)
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(run(asked["command"], asked["folder"]))
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()


if __name__ == "__main__":
    serve()
