"""What requests about consoles accept.

Types that no driver has any more are let through here and refused later, as in Nova.
"""

from novalike.api.microversion import Since
from novalike.api.schemas import parameters as p
from novalike.api.validation import Schema

_PROTOCOLS = ["vnc", "spice", "serial", "rdp"]
_TYPES = ["novnc", "xvpvnc", "spice-html5", "serial", "rdp-html5"]

output = Since(
    {
        "2.1": p.body(
            "os-getConsoleOutput",
            {"length": {"type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$", "minimum": -1}},
            [],
        )
    }
)


def _one_type(action: str, *types: str) -> Since[Schema]:
    return Since({"2.1": p.body(action, {"type": {"type": "string", "enum": list(types)}}, ["type"])})


vnc = _one_type("os-getVNCConsole", "novnc", "xvpvnc")
spice = _one_type("os-getSPICEConsole", "spice-html5")
serial = _one_type("os-getSerialConsole", "serial")
rdp: Since[Schema] = Since({"2.1": {}})


def _create(protocols: list[str], types: list[str]) -> Schema:
    return p.body(
        "remote_console",
        {"protocol": {"type": "string", "enum": protocols}, "type": {"type": "string", "enum": types}},
        ["protocol", "type"],
    )


create = Since(
    {
        "2.6": _create(_PROTOCOLS, _TYPES),
        "2.8": _create([*_PROTOCOLS, "mks"], [*_TYPES, "webmks"]),
        "2.99": _create([*_PROTOCOLS, "mks"], [*_TYPES, "webmks", "spice-direct"]),
    }
)
token_query = Since({"2.1": p.any_query, "2.99": p.no_query})
