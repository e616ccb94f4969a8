"""What public keys are recognised by."""

import pytest

from novalike.conductor.keypairs import fingerprint
from novalike.objects import errors
from tests.oracle.keypairs import CERTIFICATE, ECDSA, ED25519, RSA


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (RSA, "7f:c0:32:e1:65:d3:d6:27:d2:f9:f4:cb:bb:5d:53:38"),
        (f"{RSA} user@host", "7f:c0:32:e1:65:d3:d6:27:d2:f9:f4:cb:bb:5d:53:38"),
        (ED25519, "2b:3e:3f:c0:c9:24:04:6d:7e:36:4d:9b:46:12:f1:49"),
        (ECDSA, "d2:15:79:55:d3:ed:45:e2:cd:1c:f3:a0:27:23:b0:8f"),
    ],
)
def test_ssh(key: str, expected: str) -> None:
    assert fingerprint("ssh", key) == expected


def test_certificate_is_told_by_sha1() -> None:
    assert len(fingerprint("x509", CERTIFICATE)) == 20 * 3 - 1


WRONG = [("ssh", "x"), ("ssh", CERTIFICATE), ("x509", RSA), ("x509", ""), ("ssh", "")]


@pytest.mark.parametrize(("kind", "key"), WRONG)
def test_others(kind: str, key: str) -> None:
    with pytest.raises(errors.KeypairInvalid):
        fingerprint(kind, key)
