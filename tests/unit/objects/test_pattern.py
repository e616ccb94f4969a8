"""Users' regular expressions: which are refused and why, and that none takes long."""

import time

import pytest

from novalike.objects import pattern
from novalike.objects.pattern import Pattern, PatternError


@pytest.mark.parametrize(
    ("text", "found", "missed"),
    [
        ("web", "my-web-1", "my-WEB-1"), ("^foo.*", "foobar", "a foo"), (r"a\.b$", "xa.b", "a.bc"),
        ("10.0.0.", "10.0.0.7", "10.0.1.7"), ("[[:digit:]]+", "a1", "a"), (r"\d{2,3}", "12", "1"),
        ("(?i)web", "WEB", "we"), ("(?P<n>a)|b", "b", "c"), ("^$", "", "a"), ("é", "é", "e"),
        (r"\bvm\b", "a vm b", "avmb"),
    ],
)  # fmt: skip
def test_what_is_found(text: str, found: str, missed: str) -> None:
    pattern.check(text)
    assert Pattern(text).search(found)
    assert not Pattern(text).search(missed)


def test_match_begins_at_the_beginning_and_fullmatch_ends_at_the_end() -> None:
    assert Pattern("10").match("10.1")
    assert not Pattern("10").match("110")
    assert Pattern("10").fullmatch("10")
    assert not Pattern("10").fullmatch("10.1")


def test_case_is_ignored_when_asked_to() -> None:
    assert Pattern("wEb", ignore_case=True).search("WeB")
    assert not Pattern("wEb").search("WeB")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(", "missing )"), ("[a", "missing ]"), ("*a", "no argument for repetition"), ("a\\", "trailing"),
        ("(?=a)b", "(?="), ("(?<=a)b", "(?<="), (r"(a)\1", r"\1"), ("a++", "++"), ("(?>a)", "(?>"), (r"a\Z", r"\Z"),
        ("a{1001}", "{1001}"), ("(a{100}){100}", "{100}"), (r"\pL{100}", "too large"), ("(a*){999}", "too large"),
        (r"(\w{1,30}){1,30}", "too large"),  ("a" * 1025, "1024"),
        ("(" * 5000, "1024"), ("a\0b", "null"), ("\ud800*", "UTF-8"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, why: str) -> None:
    with pytest.raises(PatternError) as caught:
        pattern.check(text)
    assert why in str(caught.value)


@pytest.mark.parametrize("text", ["web-1", "a b", "é", "/dev/vda", "a@b,c:d_e~f", "", "%"])
def test_plain(text: str) -> None:
    assert pattern.is_plain(text)
    assert Pattern(text).search(f"x{text}x")


@pytest.mark.parametrize("text", ["a.b", "^a", "a$", "[a]", "a|b", "a\\b", "(a)", "a{1}", "a+", "a*", "a?", "a\0"])
def test_not_plain(text: str) -> None:
    assert not pattern.is_plain(text)


@pytest.mark.parametrize(
    "text", [r"(((((([0-9.]+)+)+)+)+)+)!", "(a+)+!", "(a|aa)+!", "(a?){200}a{200}!", r"(\w{1,9}){1,9}!", "(a*){450}!"]
)
def test_none_takes_long(text: str) -> None:
    """As many characters as a column has; Python's needs years for most of these."""
    began = time.monotonic()
    for subject in ("a" * 255, "1." * 127, "é" * 255):
        assert not Pattern(text).search(subject)
    assert time.monotonic() - began < 5


def test_a_long_list_has_an_expression_s_form() -> None:
    pattern.check_syntax("a," * 10_000)
    pattern.check_syntax("a.b," * 4_000)
    with pytest.raises(PatternError):
        pattern.check_syntax("a," * 10_000 + "(")


def test_others_get_their_turn_and_a_search_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now, slept = [100.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", slept.append)
    turns = pattern.Turns(1.0)
    turns.take()
    assert slept == []
    now[0] += 0.01
    turns.take()
    turns.take()
    assert slept == [0]
    now[0] += 1
    with pytest.raises(pattern.TooSlow):
        turns.take()
