"""What the conductor says of an API database that it can't have."""

import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.conductor.cells import Cells


@pytest.mark.parametrize("url", ["", "not a url", "oracel://secret@h/d"])
def test_a_url_that_is_none(url):
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("connection", url, group="api_database")
    with pytest.raises(SystemExit, match=r"\[api_database\] connection") as said:
        Cells(conf)
    assert "secret" not in str(said.value)
