"""Statements are counted for who sent them; pings, logins and other users' are not."""

from tests.benchmarks.costs import Traffic
from tests.benchmarks.statements import Log

ROWS = [
    ("nova[nova] @  [127.0.0.1]", "Query", "SELECT instances.id FROM instances"),
    ("nova[nova] @  [127.0.0.1]", "Query", "select 1"),
    ("nova[nova] @  [127.0.0.1]", "Query", "ROLLBACK"),
    ("nova[nova] @  [127.0.0.1]", "Ping", ""),
    ("[nova] @  [127.0.0.1]", "Connect", "nova@127.0.0.1 on nova_api using TCP/IP"),
    ("novalike[novalike] @  [127.0.0.1]", "Execute", "INSERT INTO operations"),
    ("placement_nova[placement_nova] @  [127.0.0.1]", "Query", "SELECT 1"),
    ("root[root] @ localhost []", "Query", "SET GLOBAL general_log = 0"),
]


def test_counting():
    log = Log()
    log.read(ROWS)
    assert log.counts["nova"] == 3
    assert log.counts["novalike"] == 1
    assert log.verbs["nova"] == {"SELECT": 2, "ROLLBACK": 1}


def test_what_is_sent_anyway_is_taken_off():
    idle, busy = Traffic(10.0, 60, 20), Traffic(20.0, 220, 40)
    assert busy.per(10, idle) == (10.0, 0.0)
