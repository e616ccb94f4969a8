"""Points in time, as operators write them."""

import datetime
import warnings

from dateutil import parser

# What is not written is taken from one of these: where it matters, they differ.
_DEFAULTS = datetime.datetime(2000, 1, 1), datetime.datetime(2001, 2, 2)


def parse(text: str) -> datetime.datetime:
    """A point in time: what ``date`` prints, ``YYYY-MM-DD[ HH:MM:SS]``, ``Oct 21 2015`` and the like. UTC, unless it
    says otherwise.

    :returns: in UTC, without time zone, as the databases have it.
    :raises ValueError: it is none, or not one in particular; the message says why.
    """
    with warnings.catch_warnings():
        # A zone that is not known would be left out, and hours with it.
        warnings.simplefilter("error", parser.UnknownTimezoneWarning)
        try:
            first, second = (parser.parse(text, default=default) for default in _DEFAULTS)
        except parser.UnknownTimezoneWarning as error:
            raise ValueError(f"'{text}' has a time zone that is not known here: write it as +HH:MM") from error
        except OverflowError as error:
            raise ValueError(f"'{text}' is out of range") from error
    if first != second:
        raise ValueError(f"'{text}' does not say year, month and day")
    if first.tzinfo is None:
        return first
    try:
        return first.astimezone(datetime.UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise ValueError(f"'{text}' is out of range") from error
