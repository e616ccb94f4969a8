"""The report of the chaos run: what excuses a read that was not answered, and what fails a run."""

import pytest

from tests.chaos import report
from tests.chaos.api import Exchange
from tests.chaos.faults import Fault, Happened
from tests.chaos.targets import Program


def fault(kind: str, began: float = 100.0, ended: float = 105.0) -> Happened:
    return Happened(Fault("freeze", Program(kind, kind), ended - began, 0.0), began, ended)


def read(at: float, status: int | None, seconds: float = 1.0) -> Exchange:
    return Exchange(at, seconds, "show", True, status, why=None if status else "cut off", retry_after="5")


@pytest.mark.parametrize(
    ("exchange", "kind", "unexcused"),
    [
        (read(102, 503), "database", 0),
        (read(102, 503), "broker", 0),
        (read(102, 503), "keystone", 0),
        (read(102, 503), "conductor", 1),
        (read(102, 503), "api", 1),
        (read(102, None), "api", 0),
        (read(102, None), "database", 1),
        (read(98, 503), "database", 1),
        (read(98, 503, seconds=5), "database", 0),
        (read(110, 503), "database", 0),
        (read(126, 503), "database", 1),
        (read(102, 200), "conductor", 0),
        (read(102, 404), "conductor", 0),
    ],
)
def test_what_excuses_a_refused_read(exchange, kind, unexcused):
    assert report.reads([exchange], [fault(kind)])["unexcused"] == unexcused


def test_how_long_reads_are_refused_after_a_fault():
    refused = [read(103, 503), read(108, 503), read(112, 503), read(200, 200)]
    assert report.reads(refused, [fault("database"), fault("broker", 90, 109)])["last refused"] == 3.0


def test_answers_that_must_not_be():
    answers = [read(1, 500), read(2, 502), read(3, 503), Exchange(4, 1, "show", True, 503), read(5, 409)]
    found = report.errors(answers, [])
    assert (found["5xx"], found["503 without Retry-After"]) == ({"500": 1, "502": 1}, 1)
