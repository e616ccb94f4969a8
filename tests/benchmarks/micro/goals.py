"""What each micro-benchmark may take.

The scheduler's goal was given. The others follow from the goals of requests: a page of 50 with details in 16 ms and
one of 1,000 in 215 ms (a twentieth and a thirtieth of Nova's time) go through rows, encoding, decoding and rendering,
which may take a seventh each, and leave the rest to SQL, bus and HTTP.
"""

from typing import NamedTuple

PICK = 50.0
PAGE, LONG_PAGE = 16.0 / 7, 215.0 / 7


class Benchmark(NamedTuple):
    """A benchmark: its test, what it is called, how many ms it may take at the median (None: there is no goal)."""

    test: str
    name: str
    goal: float | None


BENCHMARKS = (
    Benchmark("test_plan[1]", "scheduler: 1 server among 10,000 hosts", PICK),
    Benchmark("test_plan[50]", "scheduler: 50 servers among 10,000 hosts", PICK),
    Benchmark("test_plan_in_a_zone", "scheduler: in a zone", PICK),
    Benchmark("test_plan_with_affinity_hints", "scheduler: away from 20 other servers", PICK),
    Benchmark("test_plan_of_a_group_apart", "scheduler: 50 servers of a group, each on another host", PICK),
    Benchmark("test_plan_by_aggregate_metadata", "scheduler: by aggregates' metadata", PICK),
    Benchmark("test_plan_by_capabilities", "scheduler: by hosts' capabilities", PICK),
    Benchmark("test_plan_that_fails", "scheduler: no host, and why not, of each", PICK),
    Benchmark("test_decode_placements_answer[1000]", "scheduler: decode Placement's 1,000 candidates", None),
    Benchmark("test_decode_placements_answer[10000]", "scheduler: decode Placement's 10,000 candidates", None),
    Benchmark("test_take_all_hosts", "snapshot: take up all 10,000 hosts", None),
    Benchmark("test_apply_a_changed_host", "snapshot: take up 1 changed host of 10,000", None),
    Benchmark("test_servers_from_rows[50]", "conductor: 50 servers from rows", PAGE),
    Benchmark("test_servers_from_rows[1000]", "conductor: 1,000 servers from rows", LONG_PAGE),
    Benchmark("test_encode_a_page[50]", "wire: encode a page of 50", PAGE),
    Benchmark("test_encode_a_page[1000]", "wire: encode a page of 1,000", LONG_PAGE),
    Benchmark("test_decode_a_page[50]", "wire: decode a page of 50", PAGE),
    Benchmark("test_decode_a_page[1000]", "wire: decode a page of 1,000", LONG_PAGE),
    Benchmark("test_a_spec_there_and_back", "wire: a server's spec there and back", None),
    Benchmark("test_echo", "bus: 100 questions of 1.5 kB there and back", None),
    Benchmark("test_render_a_page[50]", "API: render a page of 50", PAGE),
    Benchmark("test_render_a_page[1000]", "API: render a page of 1,000", LONG_PAGE),
    Benchmark("test_policy", "API: policy of a list with details", None),
    Benchmark("test_validate_a_create", "API: validate a create request", None),
)
