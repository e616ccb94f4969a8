"""The API over a stub of the bus."""

import json
from pathlib import Path
from typing import Any

import falcon.testing
import pytest
from oslo_config import cfg
from oslo_policy import opts

from novalike import conf as novalike_conf
from novalike.api.app import make_app
from tests.fakes import records
from tests.fakes.glance import FakeGlance
from tests.fakes.neutron import FakeNeutron
from tests.unit.api.stub import SERVER, Stub


def _without_type_of_nothing(app: Any) -> Any:
    """Falcon puts wsgiref's validator around us, which objects to a 204 with a Content-Type, as Nova gives it."""

    def call(environ: dict[str, Any], start_response: Any) -> Any:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, [h for h in headers if status[:3] != "204" or h[0].lower() != "content-type"])

        return app(environ, start)

    return call


@pytest.fixture
def stub() -> Stub:
    found = Stub()
    found.answers["get_server"] = records.server(uuid=SERVER, project_id="mine", vm_state="active", task_state=None)
    return found


@pytest.fixture
def api(stub: Stub, request: pytest.FixtureRequest, tmp_path: Path) -> falcon.testing.TestClient:
    """The API; a test's parameter for it are rules of the operator's."""
    conf = cfg.ConfigOpts()
    novalike_conf.load("novalike-tests", ["--config-file", "/dev/null"], conf)
    conf.set_override("auth_strategy", "noauth2", "api")
    if rules := getattr(request, "param", None):
        (tmp_path / "policy.yaml").write_text(json.dumps(rules))
        opts.set_defaults(conf)  # registers the options
        conf.set_override("policy_file", str(tmp_path / "policy.yaml"), "oslo_policy")
    app = make_app(conf, stub, glance=FakeGlance(), neutron=FakeNeutron())  # type: ignore[arg-type]
    headers = {"X-Auth-Token": "me:mine", "X-Roles": "member,reader"}
    return falcon.testing.TestClient(_without_type_of_nothing(app), headers=headers)
