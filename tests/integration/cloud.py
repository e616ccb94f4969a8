"""The real services that ``OS_AUTH_URL`` and friends lead to."""

import os
from typing import Any

import pytest
from keystoneauth1 import session as ks_session
from keystoneauth1.identity import v3
from oslo_config import cfg

from novalike import conf as options
from novalike.objects.context import RequestContext

needs_cloud = pytest.mark.skipif("OS_AUTH_URL" not in os.environ, reason="OS_AUTH_URL is not set")


def configuration(section: str, user: str) -> cfg.ConfigOpts:
    """A configuration whose ``section`` has the credentials of a service user."""
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("auth_type", "password", group=section)
    from keystoneauth1 import loading

    conf.register_opts(loading.get_auth_plugin_conf_options("password"), group=section)
    for name, value in {
        "auth_url": os.environ["OS_AUTH_URL"],
        "username": os.environ.get("SERVICE_USERNAME", user),
        "password": os.environ.get("SERVICE_PASSWORD", os.environ["OS_PASSWORD"]),
        "project_name": os.environ.get("SERVICE_PROJECT_NAME", "service"),
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }.items():
        conf.set_override(name, value, group=section)
    conf.set_override("region_name", os.environ.get("OS_REGION_NAME"), group=section)
    return conf


def user_context(username: str, project: str) -> RequestContext:
    """A context with a real token of a user."""
    auth = v3.Password(
        auth_url=os.environ["OS_AUTH_URL"],
        username=username,
        password=os.environ["OS_PASSWORD"],
        project_name=project,
        user_domain_name="Default",
        project_domain_name="Default",
    )
    session = ks_session.Session(auth)
    access: Any = auth.get_access(session)
    return RequestContext(
        overwrite=False,
        auth_token=access.auth_token,
        project_id=access.project_id,
        user_id=access.user_id,
        roles=list(access.role_names),
    )
