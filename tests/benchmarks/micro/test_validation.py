"""The body of a create request against its schema."""

from typing import Any

from novalike.api import validation
from novalike.api.microversion import parse
from novalike.api.schemas import servers as schemas
from tests.benchmarks.micro import servers

BODY = {
    "server": {
        "name": "vm", "flavorRef": "1", "imageRef": servers.IMAGE.id, "key_name": "key", "min_count": 1, "max_count": 5,
        "networks": [{"uuid": "7a1e3a0c-4a34-4f9a-8a3c-2a52f6f2a3d1"}], "metadata": {"role": "web", "number": "1"},
        "availability_zone": "nova", "security_groups": [{"name": "default"}], "user_data": "IyEvYmluL3NoCg==",
    },
    "os:scheduler_hints": {"different_host": [servers.uuid_of(1)]},
}  # fmt: skip


def test_validate_a_create(benchmark: Any) -> None:
    schema = schemas.CREATE.at(parse("2.96"))
    benchmark(lambda: validation.check(BODY, schema))
    broken = {**BODY, "server": {**BODY["server"], "name": ""}}
    try:
        validation.check(broken, schema)
    except validation.errors.Invalid as error:
        assert "name" in str(error)  # noqa: PT017
    else:
        raise AssertionError("an empty name was taken")
