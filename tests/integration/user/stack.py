"""The stack that the tests are run against, and sessions of its users."""

import json
import os
import shlex
import subprocess
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from keystoneauth1 import session as ks_session
from keystoneauth1.identity import v3

DESCRIPTION = Path(os.environ.get("NOVALIKE_STACK", "/var/lib/novalike-devstack/stack.json"))


@dataclass(frozen=True)
class Host:
    """Where guests are: this machine, or one of several hosts in namespaces of it.

    :param address: where others reach it.
    :param execute: what goes before a command that is to run there.
    """

    name: str
    address: str
    execute: str

    def run(self, *command: str) -> str:
        """What a command prints that runs there."""
        words = [*shlex.split(self.execute), *command]
        return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout


@dataclass(frozen=True)
class Stack:
    """What devstack says of a stack: URLs, accounts, names of what is in it, folders on this machine."""

    virt_driver: str
    fake_hosts: int
    database: str
    host: str
    auth_url: str
    region: str
    admin_password: str
    demo_password: str
    compute_url: str
    metadata_url: str
    novnc_url: str
    transport_url: str
    image: str
    flavor: str
    key_name: str
    key_file: str
    guest_user: str
    private_network: str
    public_network: str
    bin: str
    novalike_bin: str
    logs: str
    etc: str
    data: str
    supervisorctl: str
    hosts: tuple[Host, ...]

    @property
    def real(self) -> bool:
        """Whether its guests are real ones."""
        return self.virt_driver == "libvirt"

    def environment(self, user: str) -> dict[str, str]:
        """What openrc exports for a user (admin or demo)."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        return mine | {
            "OS_AUTH_URL": self.auth_url,
            "OS_USERNAME": user,
            "OS_PASSWORD": getattr(self, f"{user}_password"),
            "OS_PROJECT_NAME": user,
            "OS_USER_DOMAIN_ID": "default",
            "OS_PROJECT_DOMAIN_ID": "default",
            "OS_REGION_NAME": self.region,
            "OS_IDENTITY_API_VERSION": "3",
            "PYTHONWARNINGS": "ignore",
        }

    def session(self, user: str) -> ks_session.Session:
        """A Keystone session of a user, in the project of the same name."""
        auth = v3.Password(
            auth_url=self.auth_url,
            username=user,
            password=getattr(self, f"{user}_password"),
            project_name=user,
            user_domain_id="default",
            project_domain_id="default",
        )
        return ks_session.Session(auth)

    def control(self, *words: str) -> str:
        """supervisorctl of this stack."""
        command = [*shlex.split(self.supervisorctl), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=90).stdout


@cache
def read_stack() -> Stack | None:
    """The stack, if there is one."""
    if not DESCRIPTION.exists():
        return None
    said: dict[str, Any] = json.loads(DESCRIPTION.read_text())
    # a stack of an earlier release doesn't name its hosts
    said["hosts"] = tuple(Host(**host) for host in said.get("hosts", ()))
    return Stack(**{field.name: said[field.name] for field in fields(Stack)})
