"""Version discovery: ``/``, ``/v2.1``, ``/v2``."""

from typing import Any

import falcon
import msgspec

from novalike.api import microversion
from novalike.api.request import Answer, ApiRequest

_KNOWN: dict[str, dict[str, str]] = {
    "v2": {"id": "v2.0", "status": "DEPRECATED", "version": "", "min_version": "", "updated": "2025-07-04T12:00:00Z"},
    "v2.1": {
        "id": "v2.1",
        "status": "CURRENT",
        "version": str(microversion.MAXIMUM),
        "min_version": str(microversion.MINIMUM),
        "updated": "2013-07-23T11:33:21Z",
    },
}
_MEDIA = {"v2": "2", "v2.1": "2.1"}


def _summary(prefix: str, url: str) -> dict[str, Any]:
    return {**_KNOWN[prefix], "links": [{"rel": "self", "href": f"{url}/{prefix}/"}]}


def _media_types(prefix: str) -> list[dict[str, str]]:
    return [
        {
            "base": "application/json",
            "type": f"application/vnd.openstack.compute+json;version={_MEDIA[prefix]}",
        }
    ]


def document(prefix: str, url: str) -> dict[str, Any]:
    """The document of one version."""
    summary = _summary(prefix, url)
    summary["links"].append({"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"})
    summary["media-types"] = _media_types(prefix)
    return {"version": summary}


class Versions:
    """The version document of the API that a request is for."""

    def show(self, req: ApiRequest) -> Answer:
        req.authorized = True  # everybody with a token may know
        return Answer(document(req.prefix, req.url))


def unversioned(req: falcon.Request, resp: falcon.Response, **params: str) -> None:
    """Everything that is not below a version: the list of versions, or the choice between them."""
    if req.context.prefix:
        raise falcon.HTTPRouteNotFound()
    url = req.context.url
    path = req.context.asked_path.strip("/")
    resp.content_type = falcon.MEDIA_JSON
    if not path:
        resp.data = msgspec.json.encode({"versions": [_summary(prefix, url) for prefix in _KNOWN]})
        return
    resp.status = 300
    choices = [
        {
            "id": known["id"],
            "status": known["status"],
            "links": [{"rel": "self", "href": f"{url}/{prefix}/{path}"}],
            "media-types": _media_types(prefix),
        }
        for prefix, known in _KNOWN.items()
    ]
    resp.data = msgspec.json.encode({"choices": choices})
