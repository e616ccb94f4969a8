"""Requests about key pairs."""

from collections.abc import Iterator

from tests.oracle.compare import Ask

VERSIONS = ("2.1", "2.2", "2.9", "2.10", "2.34", "2.35", "2.36", "2.74", "2.75", "2.91", "2.92", "2.102", "2.104")

RSA = (
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC79icLcQDRjmRgg5/8gqvqxIK2Onj+oUyMm9hm4gWuD8a2Vbh0hBDWcDC5UP8ZRRvgUjeil"
    "b8FkqM1CKJS7DjxcNgfomjdFNj9r5gGAsZNZ7aq1+q/UTiQYe6LZGdQ//oEsoKmub6vDsVcgxw4SaL6utqomRUSq+Xspx2p5h0aC00R4auZ39jF"
    "4Mm3CyXkYxsH0Tw/nVVKyu0PH0GKTUKk01vbBvoXEG63YAyVFqXX3g3bz31JLVz5NtaMq645GAWL3BbByN6jhQP6BWJH95MQxZAo/bW0o5289dq"
    "1y4x1SLOOVi3DDioywpzG+eI8zZUMi3thOXKVAzDf1eo6SRjt"
)
ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA/Y+z44u8dSt7ul7GQPJQcXv/ihIVXtQOCC0WWi02aH"
ECDSA = (
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBBmdRfeJvzugUGbO5g0HX+DF6O4byBi4Z+zjg4j"
    "/zc5bdVLrXhtJg/nIjfJGhmRAeoaHFwg9T+u+mzpQF14nIog="
)
CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIC6zCCAdOgAwIBAgIUMZ8FkABq00U6EYdUJh+O6Kf9CAAwDQYJKoZIhvcNAQEL
BQAwDjEMMAoGA1UEAwwDYWJjMB4XDTI2MTEyMTA0Mzk1MFoXDTM2MTExODA0Mzk1
MFowDjEMMAoGA1UEAwwDYWJjMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKC
AQEArRHuCsZGV74a6Ug7s2NaCIJzfhLGUQS/aYxCbjJ9jhZRz2AJ5ZHQJn09criJ
+5dKGUA85/yi20wQwy5eqfHdpf05ODb8aCa2duY0pi0K0KG87O/J2InjF/Wtmbvc
kQu/Tc3qbgl/APiym6Iya89TcOkIjEEFbc9bj8Gx0LlIdCc++BqYtsPARgEkt72K
ZpD46kyeYoCbd943GBAdRV2KUK+j8XBh7b7WXgESMchEzcpsgVFOLy3rPTJdPls7
KZfDNy/U0KWCGDr/ADd6QOtm1Yl7WqltpFMSet8lpJap7Hrz6VskriaaYo/VmqpE
REpNlTbJ7S5XwiNQ4HTDOm5fXwIDAQABo0EwPzATBgNVHSUEDDAKBggrBgEFBQcD
AjAoBgNVHREEITAfoB0GCisGAQQBgjcUAgOgDwwNYWJjQGxvY2FsaG9zdDANBgkq
hkiG9w0BAQsFAAOCAQEAe3Wq4to82gYFIAtKnkhTscbbHNwmGZkZSMdpqq7MdOXD
iCj6Ur9wzd1IJWwQsZXtzByuzXDrAG6Oi0S911B0qwWhBCgAOn+O6moV50/54LYt
hVf44SquGtJcIfH8W+kL4v6oPKKxN6BAOB5Zi5nCaj36B0LMGzDtST4cVIoD4Dhw
IZWnAL7hy1aj/PCMZHVKkddY+F4NgaP4v+C5NzMq6t15zIh7wBf5gQeL4PviLHYY
EQTWEA1S8U9nCn3S0pAxOFD1/dLslJC4jNHBwLbDD4PKvTMa1cWV9GzhzeOQwD5C
+N9WAGz75/BxUR4Tar28xMLE1qZFOfU8YDs4qBJHuw==
-----END CERTIFICATE-----
"""
GENERATED = ("private_key", "public_key", "fingerprint", "id")

WRONG = [
    None, {}, {"keypair": 1}, {"keypair": {}}, {"keypair": {"name": "a"}, "b": 1},
    *[
        {"keypair": {"name": name, "public_key": ED25519}}
        for name in ("", " ", " a", "a\t", "a/b", "é", "a" * 256, 5, None, "a:b")
    ],
    *[
        {"keypair": {"name": "oracle-x", "public_key": key}}
        for key in ("", "ssh-rsa", "ssh-rsa AAAA", "x y z", RSA[:80], f"{ED25519}=", CERTIFICATE, None, 1, "ssh-rsa é")
    ],
    {"keypair": {"name": "oracle-x", "public_key": ED25519, "type": "gpg"}},
    {"keypair": {"name": "oracle-x", "public_key": ED25519, "type": "x509"}},
    {"keypair": {"name": "oracle-x", "public_key": "-----BEGIN CERTIFICATE-----", "type": "x509"}},
    {"keypair": {"name": "oracle-x", "public_key": ED25519, "user_id": 1}},
    {"keypair": {"name": "oracle-x", "public_key": ED25519, "more": 1}},
]  # fmt: skip

QUERIES = (
    "", "?limit=1", "?limit=0", "?limit=x", "?limit=-1", "?marker=oracle-1", "?marker=nope", "?limit=1&marker=oracle-1",
    "?unknown=1", "?user_id={demo_user}", "?user_id={admin_user}", "?user_id={demo_user}&limit=1", "?user_id=nope",
)  # fmt: skip


def requests() -> Iterator[Ask]:
    for version in VERSIONS:
        minor = int(version[2:])
        for who in ("demo", "admin"):
            for name, key in (("oracle-1", RSA), ("oracle 2", ED25519), ("oracle_3", f"{ECDSA} a@b"), ("o@r.c", RSA)):
                asked = {"name": name, "public_key": key}
                yield Ask("POST", "/os-keypairs", {"keypair": asked}, version, who)
            yield Ask("POST", "/os-keypairs", {"keypair": {"name": "oracle-1", "public_key": RSA}}, version, who)
            certificate = {"name": "oracle-c", "public_key": CERTIFICATE, "type": "x509"}
            yield Ask("POST", "/os-keypairs", {"keypair": certificate}, version, who)
            yield Ask("POST", "/os-keypairs", {"keypair": {"name": "oracle-g"}}, version, who, {}, GENERATED)
            generated = {"name": "oracle-h", "type": "x509"}
            yield Ask("POST", "/os-keypairs", {"keypair": generated}, version, who, {}, GENERATED)
            others = {"name": "oracle-o", "public_key": RSA, "user_id": "{demo_user}"}
            yield Ask("POST", "/os-keypairs", {"keypair": others}, version, who)
            others = {"name": "oracle-o", "public_key": RSA, "user_id": "{admin_user}"}
            yield Ask("POST", "/os-keypairs", {"keypair": others}, version, who)
            for query in QUERIES:
                yield Ask("GET", f"/os-keypairs{query}", None, version, who, {}, GENERATED)
            for path in ("oracle-1", "nope", "oracle-c", "o@r.c", "oracle-o?user_id={demo_user}", "oracle-1?x=1"):
                yield Ask("GET", f"/os-keypairs/{path}", None, version, who, {}, ("id",))
        for body in WRONG:
            yield Ask("POST", "/os-keypairs", body, version)
        for who in ("demo", "admin"):
            yield Ask("DELETE", "/os-keypairs/oracle-1?x=1", None, version, who)
            names = ["oracle-1", "oracle-1", "oracle%202", "oracle_3", "o@r.c", "oracle-c", "oracle-g", "oracle-h"]
            for name in [*names, "oracle-x", "oracle-o?user_id={admin_user}", "oracle-o?user_id={demo_user}", "a"]:
                yield Ask("DELETE", f"/os-keypairs/{name}", None, version if minor < 75 or "?" in name else "2.75", who)
            yield Ask("DELETE", "/os-keypairs/oracle-o", None, version, who)
            yield Ask("GET", "/os-keypairs", None, version, who)
