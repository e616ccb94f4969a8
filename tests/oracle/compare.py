"""Send the same requests to two compute APIs and print where the answers differ.

::

    python -m tests.oracle.compare http://127.0.0.1:8774 http://127.0.0.1:18774 flavors keypairs

The first is the oracle. Identities come from Keystone (``OS_AUTH_URL``): users ``admin`` and ``demo``, each in
the project of the same name, with the password ``OS_PASSWORD``. What is compared is status, body and the headers
that clients read; ids, times and URLs are made equal first. Requests of a list run in order, may remember
something of an answer (``save``) and use it later in path and body as ``{name}``.
"""

import argparse
import importlib
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import requests

HEADERS = ("Content-Type", "OpenStack-API-Version", "X-OpenStack-Nova-API-Version", "Location", "Vary", "Retry-After")
PATIENCE = 60.0  # seconds
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ROW = re.compile(r"\b([Aa]ggregate|access not found for) \d+\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z)?")


class Ask(NamedTuple):
    """A request.

    :param save: name → path of a value in the answer, dotted.
    :param ignore: keys whose values differ for good reason (keys, counters).
    :param raw: a body that is sent as it is.
    :param headers: other than the usual ones; None leaves one out.
    :param root: what the path is below.
    :param until: path of a value in the answer, dotted, and what it must be: the request is repeated until then.
    """

    method: str
    path: str
    body: Any = None
    version: str = "2.1"
    who: str = "admin"
    save: Mapping[str, str] = {}
    ignore: tuple[str, ...] = ()
    raw: str | None = None
    headers: Mapping[str, str | None] = {}
    root: str = "/v2.1"
    until: tuple[str, Any] | None = None


class Side:
    """One of the two APIs."""

    def __init__(self, url: str, tokens: Mapping[str, str], names: Mapping[str, str]) -> None:
        self._url = url.rstrip("/")
        self._tokens = tokens
        self._saved = dict(names)

    def ask(self, ask: Ask) -> tuple[int, dict[str, str | None], Any]:
        """Status, headers, body; both as they can be compared."""
        headers: dict[str, str | None] = {
            "X-Auth-Token": self._tokens[ask.who], "OpenStack-API-Version": f"compute {ask.version}"
        }  # fmt: skip
        data = ask.raw if ask.raw is not None else None if ask.body is None else self._fill(json.dumps(ask.body))
        if data is not None:
            headers["Content-Type"] = "application/json"
        headers.update(ask.headers)
        url = f"{self._url}{ask.root}{self._fill(ask.path)}"
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = requests.request(
                ask.method, url, headers=headers, data=(data or "").encode() or None, timeout=60, allow_redirects=False
            )
            try:
                body = answer.json()
            except ValueError:
                body = answer.text
            if ask.until is None or _holds(answer.status_code, body, ask.until) or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        for name, where in ask.save.items():
            if answer.ok:
                self._saved[name] = str(_pick(body, where))
        shown = {name: self._normalise(answer.headers.get(name), ()) for name in HEADERS}
        return answer.status_code, shown, self._normalise(body, ask.ignore)

    def _fill(self, text: str) -> str:
        for name, value in self._saved.items():
            text = text.replace("{" + name + "}", value)
        return text

    def _normalise(self, value: Any, ignore: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return {k: "…" if k in ignore else self._normalise(v, ignore) for k, v in sorted(value.items())}
        if isinstance(value, list):
            return [self._normalise(v, ignore) for v in value]
        if isinstance(value, str):
            value = value.replace(self._url, "<url>")
            value = _ROW.sub(r"\1 <n>", value)
            return _TIME.sub(lambda m: f"<time{'.' if m[1] else ''}{m[2] or ''}>", _UUID.sub("<uuid>", value))
        return value


def _holds(status: int, body: Any, until: tuple[str, Any]) -> bool:
    where, value = until
    if where == "status":
        return bool(status == value)
    try:
        return bool(_pick(body, where) == value)
    except (KeyError, TypeError, IndexError):
        return False


def _differences(nova: Any, ours: Any, where: str) -> Iterator[str]:
    """The leaves that differ, one a line."""
    if nova == ours:
        return
    if isinstance(nova, dict) and isinstance(ours, dict):
        for key in sorted(nova.keys() | ours.keys()):
            yield from _differences(nova.get(key, "(none)"), ours.get(key, "(none)"), f"{where}.{key}")
    elif isinstance(nova, list) and isinstance(ours, list) and len(nova) == len(ours):
        for number, (a, b) in enumerate(zip(nova, ours, strict=True)):
            yield from _differences(a, b, f"{where}.{number}")
    else:
        shown = (json.dumps(value, ensure_ascii=False)[:400] for value in (nova, ours))
        yield f"{where}: {' <nova | ours> '.join(shown)}"


def _pick(body: Any, where: str) -> Any:
    for key in where.split("."):
        body = body[int(key)] if isinstance(body, list) else body[key]
    return body


def _log_in(auth_url: str, name: str, password: str) -> tuple[str, dict[str, str]]:
    """A token, and whose it is."""
    domain = {"id": "default"}
    identity = {"methods": ["password"], "password": {"user": {"name": name, "domain": domain, "password": password}}}
    body = {"auth": {"identity": identity, "scope": {"project": {"name": name, "domain": domain}}}}
    answer = requests.post(f"{auth_url}/auth/tokens", json=body, timeout=30)
    answer.raise_for_status()
    token = answer.json()["token"]
    ids = {f"{name}_project": token["project"]["id"], f"{name}_user": token["user"]["id"]}
    return answer.headers["X-Subject-Token"], ids


def compare(oracle: Side, ours: Side, requests_: Iterable[Ask]) -> tuple[int, int]:
    """Gives how many requests were sent, and how many answers differed; prints these."""
    sent = different = 0
    for ask in requests_:
        sent += 1
        theirs, own = oracle.ask(ask), ours.ask(ask)
        if theirs != own:
            different += 1
            print(f"--- {ask.who} {ask.version} {ask.method} {ask.path} {json.dumps(ask.body)[:200]}{ask.raw or ''}")
            for what, a, b in zip(("status", "headers", "body"), theirs, own, strict=True):
                for line in _differences(a, b, what):
                    print(f"  {line}")
    return sent, different


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("oracle")
    parser.add_argument("ours")
    parser.add_argument("lists", nargs="+", help="modules of tests.oracle with a function requests()")
    arguments = parser.parse_args()
    auth_url, password = os.environ["OS_AUTH_URL"], os.environ["OS_PASSWORD"]
    tokens, names = {}, {}
    for who in ("admin", "demo"):
        tokens[who], ids = _log_in(auth_url, who, password)
        names.update(ids)
    total = 0
    for name in arguments.lists:
        module = importlib.import_module(f"tests.oracle.{name}")
        sides = [Side(url, tokens, names) for url in (arguments.oracle, arguments.ours)]
        sent, different = compare(*sides, module.requests())
        print(f"{name}: {sent} requests, {different} answers differ")
        total += different
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
