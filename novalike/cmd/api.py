"""``novalike-api``."""

from novalike import concurrency

concurrency.prepare()

from novalike.api.app import make_app
from novalike.service import wsgi


def main() -> None:
    """Run the REST API until told to stop."""
    wsgi.run("novalike-api", make_app, "api")
