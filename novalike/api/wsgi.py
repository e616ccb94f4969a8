"""The API as a WSGI application, for uWSGI or gunicorn: ``module = novalike.api.wsgi:application``.

``NOVALIKE_CONFIG_FILES`` names the configuration files, with ``;`` between them; without it they are looked for
in the usual places. The standard library is patched only when ``NOVALIKE_CONCURRENCY=eventlet`` says so, which
goes with gunicorn's eventlet worker; uWSGI and gunicorn's other workers have threads of their own.
"""

import os

from novalike import concurrency

if os.environ.get("NOVALIKE_CONCURRENCY") == "eventlet":
    concurrency.prepare()

from novalike.api.app import make_app  # noqa: E402
from novalike.api.deployment import Deployment  # noqa: E402

application = Deployment("novalike-api", make_app)
