"""Who may connect: the token that a request brings, and the page that it comes from."""

from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from novalike.objects import errors

_LONGEST = 255


class Refused(errors.Forbidden):
    template = "The connection was refused: {reason}"


def read_token(path: str, cookies: str | None = None) -> str:
    """The token of a request: in its query, in the ``path`` parameter of its query, or in a cookie, where older
    noVNC pages put it.

    :param path: with the query.
    :raises Refused: there is none.
    """
    query = _read_query(path)
    found = query.get("token") or _read_query(query.get("path", "")).get("token") or _read_cookies(cookies)
    if not found or len(found) > _LONGEST:
        raise Refused(reason="there is no token")
    return found


def _read_query(url: str) -> dict[str, str]:
    try:
        return {name: values[-1] for name, values in parse_qs(urlsplit(url).query, max_num_fields=20).items()}
    except ValueError:
        return {}


def _read_cookies(header: str | None) -> str | None:
    for part in (header or "").split(";"):
        try:
            cookies = SimpleCookie(part.strip())
        except CookieError:
            continue  # of another site's making
        if "token" in cookies:
            return cookies["token"].value
    return None


def check_origin(origin: str | None, host: str | None, allowed: Collection[str]) -> None:
    """See that a page of this host, or of an allowed one, makes the connection. No origin: not a browser.

    :param origin: the header Origin.
    :param host: the header Host.
    :param allowed: host names.
    :raises Refused: a page from elsewhere.
    """
    if origin is None:
        return
    name = _hostname(origin)
    known = {_hostname(f"//{entry}") for entry in (host, *allowed) if entry}
    if name is None or name not in known:
        raise Refused(reason="the page is from another host")


def check_scheme(origin: str | None, forwarded: str | None, access_url_base: str | None) -> None:
    """See that a page was fetched over the protocol (http or https) that the console's URL has.

    :param forwarded: the header X-Forwarded-Proto, when something before us ends TLS; it goes before the origin.
    :raises Refused: over another one.
    """
    if origin is None:
        return
    expected = urlsplit(access_url_base or "").scheme
    if (forwarded or urlsplit(origin).scheme).strip().lower() != {"ws": "http", "wss": "https"}.get(expected, expected):
        raise Refused(reason="the page was fetched over another protocol")


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
