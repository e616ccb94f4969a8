"""Requests to a service that are repeated when that does no harm."""

import time
from collections.abc import Mapping
from typing import Any

import requests

from novalike.clients.session import ServiceSession
from novalike.objects import errors
from novalike.objects.context import RequestContext

# Seconds to connect.
CONNECT = 5.0
# Seconds that a request may take with all its repetitions: on our own behalf, and while a user waits.
PATIENCE, USERS_PATIENCE = 60.0, 20.0


class Retrying:
    """Requests to one service: with our own credentials, or in a user's name.

    A user's request carries the user's token as it came, so that the neighbour decides what the user may see.

    :param retries: times that a request that may be repeated is repeated, when there is no answer or a 5xx.
    :param pause: seconds before the first repetition; doubled for each further one.
    """

    def __init__(self, session: ServiceSession, *, retries: int = 3, pause: float = 0.25) -> None:
        self._session = session
        self._retries = retries
        self._pause = pause

    def request(
        self,
        method: str,
        path: str,
        *,
        user: RequestContext | None = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> requests.Response:
        """The answer, whatever its status is, but for 5xx. A POST is sent once, anything else until answered.

        :param user: ask with this context's token, if it has one.
        :raises Unavailable: no answer, or a 5xx, to the last repetition.
        """
        sent = dict(headers or {})
        token = None
        if user is not None:
            token = user.auth_token
            if user.global_id:
                sent["X-OpenStack-Request-ID"] = user.global_id
        again = 0 if method == "POST" else self._retries
        pause = self._pause
        deadline = time.monotonic() + (PATIENCE if user is None else USERS_PATIENCE)
        while True:
            timeout = (CONNECT, max(deadline - time.monotonic(), 1.0))
            try:
                # keystoneauth's own repetitions are switched off: it would repeat a POST as well.
                response = self._session.request(
                    method, path, headers=sent, token=token, timeout=timeout, connect_retries=0, **options
                )
                if response.status_code < 500:
                    return response
                response.close()
                trouble = errors.Unavailable(reason=f"{self._session.section} answered {response.status_code}")
            except errors.Unavailable as error:
                trouble = error
            if again <= 0 or time.monotonic() + pause >= deadline:
                raise trouble
            again -= 1
            time.sleep(pause)
            pause *= 2
