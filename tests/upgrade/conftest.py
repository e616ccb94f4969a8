"""The stack of ``devstack/upgrade.sh``, as the integration tests see theirs."""

from tests.integration.user.conftest import *  # noqa: F403
