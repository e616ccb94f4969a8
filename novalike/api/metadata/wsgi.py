"""The metadata service as a WSGI application: ``module = novalike.api.metadata.wsgi:application``.

Configuration and concurrency are chosen as for the API, see ``novalike.api.wsgi``.
"""

import os

from novalike import concurrency

if os.environ.get("NOVALIKE_CONCURRENCY") == "eventlet":
    concurrency.prepare()

from novalike.api.deployment import Deployment  # noqa: E402
from novalike.api.metadata.app import make_app  # noqa: E402

application = Deployment("novalike-api-metadata", make_app)
