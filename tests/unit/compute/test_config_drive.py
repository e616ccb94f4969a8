"""Who gets a config drive: whose user, image or operator insists on one."""

import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.compute.config_drive import is_wanted
from novalike.objects.image import Image
from tests.fakes.records import server, spec


@pytest.mark.parametrize(
    ("asked", "of_image", "forced", "wanted"),
    [
        ("", None, False, False),
        ("", "optional", False, False),
        ("False", "optional", False, False),
        ("True", None, False, True),
        ("", "mandatory", False, True),
        ("", None, True, True),
    ],
)
def test_who_gets_one(asked: str, of_image: str | None, forced: bool, wanted: bool) -> None:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("force_config_drive", forced)
    image = Image(id="i", properties={"img_config_drive": of_image}) if of_image else None
    assert is_wanted(conf, spec(server(config_drive=asked), image=image)) is wanted
