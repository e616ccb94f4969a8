"""Programs are read as devstack has written them for supervisord."""

import signal
import time

import psutil

from tests.benchmarks.program import Program

PLAIN = """\
[program:novalike-scheduler-1]
command = {python} -c "import os; print(os.environ['NOVALIKE_CONCURRENCY'], os.environ['MORE'], file=open('said', 'w'))"
environment = CONFIGURATION="0ab",NOVALIKE_CONCURRENCY="eventlet",PATH="/x/bin:/usr/bin"
directory = {folder}
stdout_logfile = /nowhere
autorestart = true
"""


def declare(folder, text):
    programs = folder / "etc" / "programs"
    programs.mkdir(parents=True)
    (programs / "one.conf").write_text(text)
    return Program(folder, "one")


def test_a_program_runs_with_its_environment_and_what_is_added(tmp_path):
    program = declare(tmp_path, PLAIN.format(python="/usr/bin/python3", folder=tmp_path))
    assert program.environment["PATH"] == "/x/bin:/usr/bin"
    assert program.environment["DEVSTACK_DEST"] == str(tmp_path)
    with program.running({"MORE": "1"}) as started:
        assert [process.wait(timeout=10) for process in started] == [0]
    assert (tmp_path / "said").read_text() == "eventlet 1\n"


def test_alike_processes_share_a_socket_and_are_killed_with_their_children(tmp_path):
    text = f"""\
[fcgi-program:one]
socket = tcp://127.0.0.1:0
numprocs = 2
command = /bin/sh -c "sleep 60 & readlink /proc/self/fd/0 > said-$! ; wait"
environment = CONFIGURATION="0ab"
directory = {tmp_path}
"""
    with declare(tmp_path, text).running({}) as started:
        end = time.monotonic() + 10
        while len(said := [each for each in tmp_path.glob("said-*") if each.read_text()]) < 2:
            assert time.monotonic() < end
            time.sleep(0.02)
    (socket,) = {each.read_text() for each in said}
    assert socket.startswith("socket:")
    assert [process.returncode for process in started] == [-signal.SIGKILL] * 2
    children = [int(each.name.partition("-")[2]) for each in said]
    while any(_runs(child) for child in children):
        assert time.monotonic() < end, "a child lives on"
        time.sleep(0.02)


def _runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
