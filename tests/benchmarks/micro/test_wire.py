"""Messages: a page of servers from the conductor to the API, a server's spec to its host."""

from typing import Any

import pytest

from novalike.bus import wire
from novalike.bus.interface import methods
from novalike.bus.journal import Journal
from novalike.bus.servers import ServerReads
from novalike.objects.operation import Assignment, Operation
from tests.benchmarks.micro import servers
from tests.fakes import records


@pytest.mark.parametrize("count", [50, 1000])
def test_encode_a_page(benchmark: Any, count: int) -> None:
    method, page = methods(ServerReads)["list_servers_detail"], servers.page(count)
    context = records.context().to_wire()
    asked = '{"query":{"project_id":"p"}}'
    answer = benchmark(lambda: wire.answer(method, lambda ctx, query, with_user_data: page, context, asked))
    assert wire.read(method, answer) == page


@pytest.mark.parametrize("count", [50, 1000])
def test_decode_a_page(benchmark: Any, count: int) -> None:
    method, page = methods(ServerReads)["list_servers_detail"], servers.page(count)
    answer = {"r": method.encode(page).decode()}
    assert benchmark(lambda: wire.read(method, answer)) == page


def test_a_spec_there_and_back(benchmark: Any) -> None:
    method = methods(Journal)["accept"]
    operation = Operation(
        uuid="o", instance_uuid=servers.uuid_of(1), action="create", workflow="create", request_id="req-1",
        user_id="u", project_id="p", start_time=servers.server(1).created_at,
    )  # fmt: skip
    assignments = (Assignment(operation=operation, spec=servers.spec()),)
    found = benchmark(lambda: wire.read(method, {"r": method.encode(assignments).decode()}))
    assert found == assignments
