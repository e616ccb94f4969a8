"""Gives every request an id, and says it in the answer, whatever happens inside. Every 503 says when to ask again."""

import logging
import re
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from novalike.api import faults

LOG = logging.getLogger(__name__)

ENVIRON = "openstack.request_id"
GLOBAL_ENVIRON = "openstack.global_request_id"
_GLOBAL_ID = re.compile(r"^req-[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")


class RequestId:
    """WSGI middleware; the outermost, so that a 401 has an id as well."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request_id = f"req-{uuid.uuid4()}"
        environ[ENVIRON] = request_id
        given = environ.get("HTTP_X_OPENSTACK_REQUEST_ID", "")
        if _GLOBAL_ID.match(given):
            environ[GLOBAL_ENVIRON] = given

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            headers = [
                *headers, ("x-openstack-request-id", request_id), ("x-compute-request-id", request_id),
            ]  # fmt: skip
            if status.startswith("503") and not any(name.lower() == "retry-after" for name, _ in headers):
                headers.append(("Retry-After", faults.RETRY_AFTER))
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        try:
            return self._app(environ, start)
        except Exception:
            # What the application raises is answered inside; this is what wraps it, such as the check of tokens.
            LOG.exception("%s %s failed", environ.get("REQUEST_METHOD"), environ.get("PATH_INFO"))
            return faults.answer(start, 500, faults.UNEXPECTED)
