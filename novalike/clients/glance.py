"""Images, from Glance."""

import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import requests
import urllib3
from oslo_config import cfg

from novalike.clients.retrying import Retrying
from novalike.clients.session import ServiceSession
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.image import Image

CHUNK = 1024 * 1024
_FACTS = (
    "name", "status", "disk_format", "container_format", "size", "virtual_size", "min_disk", "min_ram", "checksum",
    "os_hash_algo", "os_hash_value", "owner", "visibility",
)  # fmt: skip
# What Glance shows of an image beside its facts and its properties.
_OTHER = frozenset(
    {"id", "created_at", "updated_at", "protected", "tags", "self", "file", "schema", "locations", "direct_url",
     "stores", "os_hidden"}
)  # fmt: skip
_CACHED_IMAGES = 1000


class GlanceClient:
    """What we ask of Glance.

    :param session: how Glance is reached; unset, as ``[glance]`` says.
    """

    def __init__(self, conf: cfg.ConfigOpts, session: ServiceSession | None = None) -> None:
        self._rest = Retrying(session or ServiceSession(conf, "glance"), retries=conf.glance.num_retries)
        self._cache_seconds: int = conf.api.image_cache_seconds
        self._cache: dict[tuple[Any, ...], tuple[float, Image]] = {}
        self._lock = threading.Lock()

    def get(self, ctx: RequestContext, image_id: str) -> Image:
        """An image, if Glance shows it to this user; possibly as it was ``[api] image_cache_seconds`` ago.

        :raises ImageNotFound: there is none, or not for this user.
        :raises Unavailable: Glance doesn't answer.
        """
        # What a user may see depends on project and roles, so nothing is shared further than that.
        key = (ctx.project_id, tuple(sorted(ctx.roles or ())), image_id)
        now = time.monotonic()
        with self._lock:
            known = self._cache.get(key)
        if known and known[0] > now:
            return known[1]
        image = self._fetch(ctx, image_id)
        if self._cache_seconds:
            with self._lock:
                if len(self._cache) >= _CACHED_IMAGES:
                    self._cache.clear()
                self._cache[key] = (now + self._cache_seconds, image)
        return image

    def show(self, image_id: str) -> Image:
        """An image as it is now, seen with the service's credentials: the caller decides who may use it.

        :raises ImageNotFound: there is none.
        :raises Unavailable: Glance doesn't answer.
        """
        return self._fetch(None, image_id)

    def _fetch(self, ctx: RequestContext | None, image_id: str) -> Image:
        response = self._rest.request("GET", f"/v2/images/{_segment(image_id)}", user=ctx)
        if response.status_code != 200:
            raise _refusal(response, image_id)
        return image_of(response.json())

    def chunks(self, image_id: str) -> Iterator[bytes]:
        """An image's data, in pieces, with the service's credentials.

        :raises ImageNotFound: it is gone, or has no data.
        :raises Unavailable: Glance doesn't answer, or the stream ended before its end.
        """
        response = self._rest.request("GET", f"/v2/images/{_segment(image_id)}/file", stream=True)
        with response:
            if response.status_code != 200:
                raise _refusal(response, image_id)
            length = response.headers.get("Content-Length")
            received = 0
            try:
                # Not decoded: what was uploaded compressed is the image.
                for chunk in response.raw.stream(CHUNK, decode_content=False):
                    received += len(chunk)
                    yield chunk
            except (urllib3.exceptions.HTTPError, OSError) as error:
                reason = f"the stream of image {image_id} broke after {received} bytes"
                raise errors.Unavailable(reason=reason) from error
        if length is not None and received != int(length):
            raise errors.Unavailable(reason=f"Glance sent {received} of the {length} bytes of image {image_id}")


def _segment(image_id: str) -> str:
    """An id as one segment of a path: it comes from a user, and must not lead elsewhere."""
    if not re.fullmatch(r"[\w-]{1,255}", image_id):
        raise errors.ImageNotFound(image_id=image_id)
    return image_id


def _refusal(response: requests.Response, image_id: str) -> errors.NovalikeError:
    status = response.status_code
    if status in (204, 403, 404, 410):
        return errors.ImageNotFound(image_id=image_id)
    if status == 400:
        return errors.ImageUnacceptable(image_id=image_id, reason="Glance does not understand its id")
    return errors.Unavailable(reason=f"Glance answered {status} for image {image_id}")


def image_of(shown: dict[str, Any]) -> Image:
    """An image as Glance shows it, as ours: what isn't a fact of every image is a property."""
    facts = {name: shown[name] for name in _FACTS if shown.get(name) is not None}
    properties = {
        name: value for name, value in shown.items() if name not in _FACTS and name not in _OTHER and value is not None
    }
    return Image(id=shown["id"], properties=properties, **facts)
