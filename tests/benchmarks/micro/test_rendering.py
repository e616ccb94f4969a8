"""Servers as the API shows them: the views, and JSON."""

import json
from typing import Any

import msgspec
import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.api.microversion import parse
from novalike.api.policy import Enforcer
from novalike.api.request import ApiRequest
from novalike.api.views import servers as views
from tests.benchmarks.micro import servers
from tests.fakes import records


def new_request(version: str = "2.96") -> ApiRequest:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[], default_config_dirs=[])
    context = records.context(roles=["member", "reader"])
    return ApiRequest(
        context, parse(version), None, {}, "http://127.0.0.1:8774", "v2.1", "/servers/detail", Enforcer(conf).allowed
    )


@pytest.mark.parametrize("count", [50, 1000])
def test_render_a_page(benchmark: Any, count: int) -> None:
    request, page = new_request(), servers.page(count)
    encode = msgspec.json.Encoder().encode

    def render() -> bytes:
        sight = views.Sight.of(request)
        return encode({"servers": [views.full(request, server, sight, in_list=True) for server in page]})

    shown = json.loads(benchmark(render))["servers"]
    assert [server["id"] for server in shown] == [servers.uuid_of(n) for n in range(count)]
    assert shown[1]["addresses"]["private"][0]["addr"] == "10.1.0.1"
    assert shown[1]["metadata"] == {"role": "web", "number": "1"}
    assert shown[1]["flavor"]["original_name"] == "m1.tiny"
    assert shown[1]["status"] == "ACTIVE"


def test_policy(benchmark: Any) -> None:
    """All that a list with details asks policy for, for one caller."""
    request = new_request()

    def ask() -> tuple[bool, views.Sight]:
        return request.may("os_compute_api:servers:detail"), views.Sight.of(request)

    allowed, sight = benchmark(ask)
    assert allowed
    assert not sight.host_status
    assert sight.extra_specs
