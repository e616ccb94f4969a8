"""Serve novalike's API for a comparison: all daemons in one process, somebody else's Keystone, Glance and Neutron.

::

    python -m tests.oracle.serve 18774 /some/folder

Who and where those are comes from ``OS_AUTH_URL``, ``OS_PASSWORD`` and ``OS_REGION_NAME`` (see ``tests.integration``).
Placement is in memory, so that no other scheduler sees the hosts. Ends on SIGTERM, by ending the process.
"""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import requests
import waitress
from keystoneauth1 import loading
from oslo_config import cfg

from novalike.api.app import WSGI, make_app
from novalike.clients.glance import GlanceClient
from novalike.clients.neutron import NeutronClient
from tests.fakes.placement import FakePlacement
from tests.functional.harness import Cloud
from tests.functional.local_bus import LocalBus
from tests.oracle.quotas import CONFIGURED

_SECTIONS = ("keystone", "neutron", "glance", "placement")


class RealNeighbours(Cloud):
    """The functional tests' cloud, except that Keystone, Glance and Neutron are real."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.conf = self._configure(3, {"vif_plugging_is_fatal": False, "vif_plugging_timeout": 0, **options})
        _give_credentials(self.conf)
        self.bus = LocalBus()
        self.placement = FakePlacement()
        self.neutron, self.glance = NeutronClient(self.conf), GlanceClient(self.conf)  # type: ignore[assignment]
        self._make_databases(1)
        self._daemons = []
        self.conductor = self.start_conductor()
        self.scheduler = self.start_scheduler()
        self.compute = self.start_compute()
        self.app = make_app(self.conf, self.bus.transport(), authenticate=authenticate)


def _give_credentials(conf: cfg.ConfigOpts) -> None:
    for section in _SECTIONS:
        conf.set_override("auth_type", "password", group=section)
        conf.register_opts(loading.get_auth_plugin_conf_options("password"), group=section)
        for name, value in {
            "auth_url": os.environ["OS_AUTH_URL"],
            "username": os.environ.get("SERVICE_USERNAME", "nova"),
            "password": os.environ.get("SERVICE_PASSWORD", os.environ["OS_PASSWORD"]),
            "project_name": os.environ.get("SERVICE_PROJECT_NAME", "service"),
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        }.items():
            conf.set_override(name, value, group=section)
        conf.set_override("region_name", os.environ.get("OS_REGION_NAME"), group=section)


def authenticate(app: WSGI) -> WSGI:
    """Ask Keystone about each token once: keystonemiddleware wants a configuration of the whole process."""
    known: dict[str, dict[str, Any]] = {}

    def check(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"].strip("/").partition("/")[0] not in ("v2.1", "v2"):
            return app(environ, start_response)
        text = environ.get("HTTP_X_AUTH_TOKEN", "")
        if text not in known:
            headers = {"X-Auth-Token": text, "X-Subject-Token": text}
            answer = requests.get(f"{os.environ['OS_AUTH_URL']}/auth/tokens", headers=headers, timeout=30)
            if answer.status_code != 200:
                start_response("401 Unauthorized", [])
                return [b""]
            known[text] = answer.json()["token"]
        token = known[text]
        environ.update(
            HTTP_X_USER_ID=token["user"]["id"],
            HTTP_X_USER_NAME=token["user"]["name"],
            HTTP_X_PROJECT_ID=token["project"]["id"],
            HTTP_X_ROLES=",".join(role["name"] for role in token["roles"]),
        )
        return app(environ, start_response)

    return check


def main() -> None:
    """The command."""
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    cloud = RealNeighbours(folder, **{f"quota__{name}": value for name, value in CONFIGURED.items()})
    print(f"serving on http://127.0.0.1:{port}", flush=True)
    waitress.serve(cloud.app, listen=f"127.0.0.1:{port}", threads=8)


if __name__ == "__main__":
    main()
