import pytest

from novalike.api.resources.server_create.images import find_image
from novalike.objects import errors
from tests.fakes.glance import FakeGlance
from tests.fakes.records import PROJECT, context


@pytest.fixture
def glance():
    return FakeGlance()


def test_an_image(glance):
    image = glance.add_image(properties={"img_config_drive": "mandatory"}, owner=PROJECT, visibility="private")
    assert find_image(context(), glance, image.id) == image


def test_what_is_not_visible_is_not_there(glance):
    image = glance.add_image(owner="other", visibility="private")
    for image_id in (image.id, "nothing"):
        with pytest.raises(errors.Invalid) as raised:
            find_image(context(), glance, image_id)
        assert str(raised.value) == "Can not find requested image"


def test_an_image_that_is_not_active(glance):
    image = glance.add_image(status="queued")
    with pytest.raises(errors.Invalid) as raised:
        find_image(context(), glance, image.id)
    assert str(raised.value) == f"Image {image.id} is not active."


@pytest.mark.parametrize(
    "properties",
    [
        {"img_config_drive": "sometimes"},
        {"hw_cpu_sockets": "many"},
        {"hw_cpu_cores": "0"},
        {"note": "x" * 70000},
    ],
)
def test_properties_that_make_no_sense(glance, properties):
    image = glance.add_image(properties=properties)
    with pytest.raises(errors.Invalid):
        find_image(context(), glance, image.id)


def test_glance_away(glance):
    def away(*args):
        raise errors.Unavailable(reason="away")

    glance.fail = away
    with pytest.raises(errors.Unavailable):
        find_image(context(), glance, "x")
