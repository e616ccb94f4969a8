"""Every answer has a request id, even when what checks tokens breaks."""

from typing import Any

import falcon.testing

from novalike.api.middleware.request_id import RequestId


def test_a_broken_middleware_is_a_fault_with_an_id() -> None:
    def broken(environ: dict[str, Any], start_response: Any) -> Any:
        raise RuntimeError("no memcache module")

    answer = falcon.testing.TestClient(RequestId(broken)).simulate_get("/v2.1/servers")
    assert answer.status_code == 500
    assert answer.json["computeFault"]["code"] == 500
    assert answer.headers["x-openstack-request-id"].startswith("req-")
    assert "memcache" not in answer.text
