"""Points in time, as operators write them."""

import datetime

import pytest

from novalike.cmd.management import dates

DAY = datetime.datetime(2015, 10, 21)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2015-10-21", DAY),
        ("Oct 21 2015", DAY),
        ("2015-10-21 12:00", DAY.replace(hour=12)),
        ("2015-10-21T12:00:30", DAY.replace(hour=12, second=30)),
        ("Wed Oct 21 12:00:30 UTC 2015", DAY.replace(hour=12, second=30)),
        ("Wed Oct 21 12:00:30 PM UTC 2015", DAY.replace(hour=12, second=30)),
        ("2015-10-21 12:00+02:00", DAY.replace(hour=10)),
        ("2015-10-21T00:00:00Z", DAY),
    ],
)
def test_a_moment(text: str, moment: datetime.datetime) -> None:
    assert dates.parse(text) == moment


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2015", "Oct 2015", "Wednesday", "12:00", "21", "2015-13-01", "2015-10-21 25:00",
     "rows of Oct 21 2015", "2015-10-21 12:00 QQT", "99999999999999999999", "0001-01-01 00:00+05:00"],
)  # fmt: skip
def test_not_one_in_particular(text: str) -> None:
    with pytest.raises(ValueError):
        dates.parse(text)
