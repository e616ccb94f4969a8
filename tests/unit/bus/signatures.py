"""What crosses the bus, as data: the signature of each method, the fields of each record, and how they may change.

``signatures.json`` keeps what they were when they were last recorded::

    python -m tests.unit.bus.signatures
"""

import hashlib
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

import novalike.bus
from novalike.bus.interface import Interface, Method, methods, parse_version

RECORDED = Path(__file__).with_suffix(".json")

Signatures = dict[str, dict[str, dict[str, str]]]
"""``methods``: "Interface.method" → version, digest. ``records``: its name → field → digest, "required" before it."""


def interfaces() -> list[type[Interface]]:
    """All that daemons offer each other."""
    for module in pkgutil.walk_packages(novalike.bus.__path__, "novalike.bus."):
        importlib.import_module(module.name)
    found = (each for each in Interface.__subclasses__() if each.__module__.startswith("novalike.bus."))
    return sorted(found, key=lambda each: each.__name__)


def signatures(declared: Iterable[type[Interface]]) -> Signatures:
    """Of these interfaces."""
    found: Signatures = {"methods": {}, "records": {}}
    for interface in declared:
        for method in methods(interface).values():
            digest, records = _signature(interface, method)
            version = max((method.since, *method.added.values()), key=parse_version)
            found["methods"][f"{interface.__name__}.{method.name}"] = {"version": version, "digest": digest}
            found["records"] |= records
    return found


def _signature(interface: type[Interface], method: Method) -> tuple[str, dict[str, dict[str, str]]]:
    (_, answer), components = msgspec.json.schema_components(
        [method.arguments, method.result], ref_template="{name}"
    )
    arguments = components.pop(method.arguments.__name__)
    shape = [interface.topic, method.is_cast, arguments["properties"], arguments.get("required", []), answer]
    return _digest(shape), {name: _fields(schema) for name, schema in components.items()}


def _fields(schema: dict[str, Any]) -> dict[str, str]:
    if "prefixItems" in schema:
        least = schema.get("minItems", 0)
        items = enumerate(schema["prefixItems"])
        return {f"{n:02}": ("required " if n < least else "") + _digest(item) for n, item in items}
    if "properties" not in schema:  # an enumeration
        return {"": _digest(schema)}
    required = schema.get("required", [])
    return {
        name: ("required " if name in required else "") + _digest(field) for name, field in schema["properties"].items()
    }


def _digest(node: Any) -> str:
    """Of a part of a JSON schema, without its prose."""

    def strip(node: Any) -> Any:
        if isinstance(node, dict):
            return {k: strip(v) for k, v in node.items() if k not in ("title", "description")}
        return [strip(v) for v in node] if isinstance(node, list) else node

    return hashlib.sha256(json.dumps(strip(node), sort_keys=True).encode()).hexdigest()[:12]


def broken(before: Signatures, now: Signatures) -> list[str]:
    """What a peer that knows what was before could not live with."""
    found = []
    newest: dict[str, tuple[int, int]] = {}
    for name, method in before["methods"].items():
        interface = name.split(".")[0]
        newest[interface] = max(newest.get(interface, (0, 0)), parse_version(method["version"]))
    for name, method in now["methods"].items():
        interface, version = name.split(".")[0], parse_version(method["version"])
        was = before["methods"].get(name)
        changed = was is not None and was["digest"] != method["digest"]
        if changed and version <= newest[interface]:
            found.append(f"{name} is another one than before: say so in its since or added, with a new version")
        elif was is None and interface in newest and version <= newest[interface]:
            found.append(f"{name} is new: say so in its since, with a new version")
        elif was is not None and not changed and version < parse_version(was["version"]):
            found.append(f"{name} was there in version {was['version']} already")
    major = {name.split(".")[0]: parse_version(method["version"])[0] for name, method in now["methods"].items()}
    for name in before["methods"].keys() - now["methods"].keys():
        interface = name.split(".")[0]
        if major.get(interface, 0) == newest[interface][0]:
            found.append(f"{name} is gone: others ask for it, unless the interface has a new major version")
    for name, fields in before["records"].items():
        found += _changes(name, fields, now["records"].get(name, fields))
    return sorted(found)


def _changes(record: str, before: dict[str, str], now: dict[str, str]) -> list[str]:
    found = []
    for field in before.keys() | now.keys():
        was, now_is = before.get(field), now.get(field)
        if was is None and now_is is not None and now_is.startswith("required"):
            found.append(f"{record}.{field} is new: it needs a default, because others don't send it")
        elif now_is is None and was is not None and was.startswith("required"):
            found.append(f"{record}.{field} is gone: others need it")
        elif was is not None and now_is is not None and was != now_is:
            found.append(f"{record}.{field} has another type or default than before: others have the old one")
    return found


def main() -> int:
    """Record what crosses the bus now, unless it breaks peers."""
    found = signatures(interfaces())
    trouble = broken(json.loads(RECORDED.read_text()), found)
    if not trouble:
        RECORDED.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    print("\n".join(trouble) or f"recorded in {RECORDED.name}")
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
