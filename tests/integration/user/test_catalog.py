"""The compute service is found in Keystone's catalog by its type and by its name: some clients look for ``nova``."""

from tests.integration.user.stack import Stack


def test_the_compute_service_is_called_nova(stack: Stack) -> None:
    session = stack.session("demo")
    catalog = session.auth.get_access(session).service_catalog
    for asked in ({"service_name": "nova"}, {"service_type": "compute"}):
        assert set(catalog.get_urls(interface="public", **asked)) == {f"{stack.compute_url}/v2.1"}
