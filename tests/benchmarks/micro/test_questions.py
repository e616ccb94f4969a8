"""A question over RabbitMQ and back, by who asks and who answers, in one process; the broker comes on top."""

from collections.abc import Iterator
from typing import Any

import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.bus.interface import Interface, call
from novalike.bus.rabbit.options import set_defaults
from novalike.bus.rabbit.transport import RabbitTransport
from novalike.objects.context import RequestContext, admin_context
from tests.integration import broker_nodes

COUNT = 100


class Desk(Interface):
    topic = "desk"

    @call(repeatable=True)
    def echo(self, ctx: RequestContext, *, text: str) -> str:
        raise NotImplementedError


class Clerk:
    def echo(self, ctx: RequestContext, *, text: str) -> str:
        return text


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if not broker_nodes.are_possible():
        pytest.skip("RabbitMQ is not installed here")
    cluster = broker_nodes.Cluster(tmp_path_factory.mktemp("broker"), count=1)
    try:
        conf = cfg.ConfigOpts()
        options.load("novalike-tests", ["--config-file", "/dev/null"], conf)
        set_defaults(conf)
        conf.set_override("transport_url", cluster.url())
        transport = RabbitTransport(conf)
        server = transport.serve([(Desk, Clerk())], "here", 4)
        yield transport.client(Desk)
        server.stop()
        server.wait()
        transport.close()
    finally:
        cluster.close()


def test_echo(benchmark: Any, desk: Desk) -> None:
    """A hundred: the timer of a process's time is too coarse for one."""
    context, text = admin_context(), "x" * 1500

    def ask() -> list[str]:
        return [desk.echo(context, text=text) for _ in range(COUNT)]

    assert benchmark(ask) == [text] * COUNT
