"""Tests run on native threads, or, with NOVALIKE_CONCURRENCY=eventlet in the environment, on eventlet."""

import os

if os.environ.get("NOVALIKE_CONCURRENCY") == "eventlet":
    from novalike import concurrency

    concurrency.prepare()
