"""``novalike-api-metadata``."""

from novalike import concurrency

concurrency.prepare()

from novalike.api.metadata.app import make_app
from novalike.service import wsgi


def main() -> None:
    """Run the metadata service until told to stop."""
    wsgi.run("novalike-api-metadata", make_app, "api_metadata")
