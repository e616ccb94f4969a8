"""The end of a console log."""

import pytest

from novalike.compute.server import _tail


@pytest.mark.parametrize(
    ("text", "lines", "expected"),
    [
        ("a\nb\nc", 2, "b\nc"),
        ("a\nb\nc", 1, "c"),
        ("a\nb\nc", 9, "a\nb\nc"),
        # What follows the last newline is a line, for Nova's clients: Tempest counts them so.
        ("a\nb\nc\n", 2, "c\n"),
        ("a\nb\nc\n", 1, ""),
        ("a", 0, ""),
    ],
)
def test_tail(text: str, lines: int, expected: str) -> None:
    assert _tail(text, lines) == expected
