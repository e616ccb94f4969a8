"""Two answers have one shape, or it is said where they differ."""

import pytest

from tests.benchmarks.shape import differences

SERVER = {"id": "a", "metadata": {"x": "1"}, "links": [{"rel": "self"}], "fault": None}


def test_values_may_differ():
    other = {"id": "b", "metadata": {}, "links": [{"rel": "bookmark"}], "fault": None}
    assert list(differences({"servers": [SERVER]}, {"servers": [other]})) == []


@pytest.mark.parametrize(
    ("ours", "where"),
    [
        ({**SERVER, "more": 1}, ".more: only novalike"),
        ({key: value for key, value in SERVER.items() if key != "id"}, ".id: only Nova"),
        ({**SERVER, "links": []}, ".links: 1 and 0"),
        ({**SERVER, "links": [{"href": ""}]}, ".links[0].href"),
        ({**SERVER, "fault": {}}, ".fault: NoneType and dict"),
        ({**SERVER, "links": {}}, ".links: list and dict"),
    ],
)
def test_what_differs(ours, where):
    found = list(differences(SERVER, ours))
    assert any(each.startswith(where) for each in found), found
