"""Key pairs."""

import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.functional.harness import Client, Cloud
from tests.oracle.keypairs import CERTIFICATE, ED25519, RSA


@pytest.fixture(autouse=True)
def _clean(cloud: Cloud) -> Any:
    yield
    for client in (cloud.demo, cloud.admin):
        for item in client.get("/os-keypairs")["keypairs"]:
            client.delete(f"/os-keypairs/{item['keypair']['name']}")


def create(client: Client, name: str = "k", **more: Any) -> Any:
    return client.request("POST", "/os-keypairs", {"keypair": {"name": name, **more}})


def test_import(cloud: Cloud) -> None:
    made = create(cloud.demo, public_key=f"{RSA} a@b")
    assert made.status_code == 200
    assert made.json["keypair"] == {
        "name": "k",
        "public_key": f"{RSA} a@b",
        "fingerprint": "7f:c0:32:e1:65:d3:d6:27:d2:f9:f4:cb:bb:5d:53:38",
        "user_id": "demo-user",
    }
    shown = cloud.demo.at("2.2").get("/os-keypairs/k")["keypair"]
    assert shown["type"] == "ssh"
    assert (shown["deleted"], shown["deleted_at"], shown["updated_at"]) == (False, None, None)
    assert create(cloud.demo, public_key=RSA).status_code == 409


def test_import_certificate(cloud: Cloud) -> None:
    made = create(cloud.demo.at("2.2"), public_key=CERTIFICATE, type="x509")
    assert made.status_code == 201
    assert len(made.json["keypair"]["fingerprint"]) == 59
    assert create(cloud.demo.at("2.2"), "other", public_key=RSA, type="x509").status_code == 400


def test_generate_ssh(cloud: Cloud) -> None:
    keypair = create(cloud.demo).json["keypair"]
    private = serialization.load_pem_private_key(keypair["private_key"].encode(), None)
    public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    assert keypair["public_key"].startswith(public.decode())
    assert "private_key" not in cloud.demo.get("/os-keypairs/k")["keypair"]


def test_generate_certificate(cloud: Cloud) -> None:
    keypair = create(cloud.demo.at("2.2"), type="x509").json["keypair"]
    certificate = x509.load_pem_x509_certificate(keypair["public_key"].encode())
    key, inside, _ = pkcs12.load_key_and_certificates(base64.b64decode(keypair["private_key"]), None)
    assert key is not None
    assert inside == certificate
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.ExtendedKeyUsageOID.CLIENT_AUTH]
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.OtherName)[0].value.endswith(b"demo-user@localhost")


def test_nothing_is_generated_from_2_92(cloud: Cloud) -> None:
    assert create(cloud.demo.at("2.92")).status_code == 400
    assert create(cloud.demo.at("2.91"), "a@b.c", public_key=RSA).status_code == 400
    assert create(cloud.demo.at("2.92"), "a@b.c", public_key=RSA).status_code == 201


@pytest.mark.parametrize("key", ["", "ssh-rsa", "ssh-rsa AAAA", "x y z", RSA[:80], CERTIFICATE, "ssh-rsa é"])
def test_wrong_keys(cloud: Cloud, key: str) -> None:
    refused = create(cloud.demo, public_key=key)
    assert refused.status_code == 400
    assert refused.json["badRequest"]["message"] == "Keypair data is invalid: failed to generate fingerprint"


def test_keys_of_others(cloud: Cloud) -> None:
    admin, demo = cloud.admin.at("2.10"), cloud.demo.at("2.10")
    assert create(admin, "theirs", public_key=RSA, user_id="demo-user").status_code == 201
    assert [k["keypair"]["name"] for k in demo.get("/os-keypairs")["keypairs"]] == ["theirs"]
    assert admin.get("/os-keypairs")["keypairs"] == []
    assert admin.get("/os-keypairs/theirs?user_id=demo-user")["keypair"]["user_id"] == "demo-user"
    assert demo.request("GET", "/os-keypairs?user_id=admin-user").status_code == 403
    assert create(demo, "x", public_key=RSA, user_id="admin-user").status_code == 403
    # Before 2.10 the parameter means nothing.
    assert cloud.demo.at("2.9").request("GET", "/os-keypairs?user_id=admin-user").status_code == 200
    assert admin.request("DELETE", "/os-keypairs/theirs?user_id=demo-user").status_code == 204


def test_pages(cloud: Cloud) -> None:
    for name in ("c", "a", "b"):
        create(cloud.demo, name, public_key=RSA)
    client = cloud.demo.at("2.35")
    first = client.get("/os-keypairs?limit=2")
    assert [k["keypair"]["name"] for k in first["keypairs"]] == ["a", "b"]
    assert first["keypairs_links"][0]["href"].endswith("/v2.1/os-keypairs?limit=2&marker=b")
    assert [k["keypair"]["name"] for k in client.get("/os-keypairs?limit=2&marker=b")["keypairs"]] == ["c"]
    assert client.request("GET", "/os-keypairs?marker=nope").status_code == 400
    assert len(cloud.demo.at("2.34").get("/os-keypairs?limit=2")["keypairs"]) == 3


def test_quota(cloud: Cloud) -> None:
    path = f"/os-quota-sets/{cloud.demo.project}"
    cloud.admin.put(path, {"quota_set": {"key_pairs": 1}})
    try:
        assert create(cloud.demo, "one", public_key=ED25519).status_code == 200
        refused = create(cloud.demo, "two", public_key=ED25519)
        assert refused.status_code == 403
        assert refused.json["forbidden"]["message"] == "Quota exceeded, too many key pairs."
    finally:
        cloud.admin.delete(path)


def test_delete(cloud: Cloud) -> None:
    for version, status in (("2.1", 202), ("2.2", 204)):
        create(cloud.demo, "gone", public_key=RSA)
        client = cloud.demo.at(version)
        assert client.request("DELETE", "/os-keypairs/gone").status_code == status
        assert client.request("DELETE", "/os-keypairs/gone").status_code == 404
