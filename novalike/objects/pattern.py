"""Regular expressions that users and administrators give.

They are RE2's, whose time is linear in the length of the text, whatever the expression: there is none by which a
request can keep a daemon busy. What RE2 lacks (lookaround, backreferences, possessive and atomic groups, comments) is
refused.
"""

import functools
import time

import re2

# Characters of an expression at most. No column that they are matched with is longer than 255.
LENGTH_MAX = 1024
# Instructions that an expression is compiled to at most. In the worst case each is looked at for each character of a
# text: 5 ms for 255 characters.
_SIZE_MAX = 1500
# Bytes that an expression may take when it is compiled, and its automaton afterwards.
_MEMORY = 256 * 1024
# The same for what has the form of an expression, and is never matched with anything.
_MEMORY_FOR_SYNTAX = 8 * 1024 * 1024
_SPECIAL = frozenset("\\^$.|?*+()[]{}")
# Seconds of matching after which other threads get their turn: green ones would not otherwise.
_TURN = 0.005


class PatternError(ValueError):
    """An expression that is refused; its text says why."""


class TooSlow(Exception):
    """A search ended because its time was up."""


def is_plain(text: str) -> bool:
    """Whether an expression means just its own characters."""
    return _SPECIAL.isdisjoint(text) and "\0" not in text


class Pattern:
    """A regular expression.

    :param text: RE2's syntax.
    :param ignore_case: match regardless of case.
    :param ours: it is a constant of ours, which may be large.
    :raises PatternError: it is refused.
    """

    def __init__(self, text: str, *, ignore_case: bool = False, ours: bool = False) -> None:
        if len(text) > LENGTH_MAX:
            raise PatternError(f"it has more than {LENGTH_MAX} characters")
        self._expression = _compile(text, _MEMORY, ignore_case)
        if self._expression.programsize > _SIZE_MAX and not ours:
            raise PatternError("it is too large: repetitions count as often as they repeat")

    def search(self, text: str) -> bool:
        """Whether it matches anywhere in a text."""
        return self._expression.search(text) is not None

    def match(self, text: str) -> bool:
        """Whether it matches at the beginning of a text."""
        return self._expression.match(text) is not None

    def fullmatch(self, text: str) -> bool:
        """Whether it matches the whole of a text."""
        return self._expression.fullmatch(text) is not None


def check(text: str) -> None:
    """Check an expression that will be matched.

    :raises PatternError: it is refused.
    """
    if len(text) > LENGTH_MAX or not is_plain(text):
        Pattern(text)


def check_syntax(text: str) -> None:
    """Check that a text that will never be matched has an expression's form, however long it is.

    :raises PatternError: it hasn't.
    """
    if not is_plain(text):
        _compile(text, _MEMORY_FOR_SYNTAX, False)


@functools.lru_cache(maxsize=64)
def _compile(text: str, memory: int, ignore_case: bool) -> "re2._Regexp":
    if "\0" in text:
        raise PatternError("it has a null character in it")
    options = re2.Options()
    options.max_mem = memory
    options.case_sensitive = not ignore_case
    options.log_errors = False
    try:
        return re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace")
        raise PatternError(f"{reason} (the syntax is RE2's: no lookaround, no backreferences)") from None
    except UnicodeEncodeError:
        raise PatternError("it can't be encoded as UTF-8") from None
    finally:
        time.sleep(0)  # a large one takes milliseconds, and a request may bring many


class Turns:
    """Shares a thread between a long search and everybody else, and ends the search when its time is up.

    :param seconds: the time.
    """

    def __init__(self, seconds: float) -> None:
        now = time.monotonic()
        self._end = now + seconds
        self._next = now + _TURN

    def take(self) -> None:
        """Before each piece of the search: let others run if it is their turn.

        :raises TooSlow: the time is up.
        """
        now = time.monotonic()
        if now < self._next:
            return
        if now > self._end:
            raise TooSlow()
        time.sleep(0)
        self._next = time.monotonic() + _TURN
