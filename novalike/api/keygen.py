"""Key pairs that we make for users (API up to 2.91). The private half is shown once, and kept nowhere."""

import base64
import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

BITS = 2048
_DAYS = 3650
# Windows finds the user of a certificate by this name.
_USER_PRINCIPAL_NAME = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")


class KeyMaterial(NamedTuple):
    """Both halves, as text."""

    public: str
    private: str


def generate(type: str, user_id: str) -> KeyMaterial:
    """New keys.

    :param type: ``ssh`` or ``x509``.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    return _certificate(key, user_id) if type == "x509" else _ssh(key)


def _ssh(key: rsa.RSAPrivateKey) -> KeyMaterial:
    """A line of authorized_keys, and the private key as PEM."""
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return KeyMaterial(f"{public.decode()} Generated-by-novalike", private.decode())


def _certificate(key: rsa.RSAPrivateKey, user_id: str) -> KeyMaterial:
    """A self-signed certificate that WinRM takes for a login, and a PKCS #12 archive without a password, base64."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, user_id[:64] or "user")])
    principal = f"{user_id}@localhost".encode()
    # A DER UTF8String.
    length = bytes([len(principal)]) if len(principal) < 128 else bytes([0x82, *len(principal).to_bytes(2)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.OtherName(_USER_PRINCIPAL_NAME, b"\x0c" + length + principal)]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    archive = pkcs12.serialize_key_and_certificates(None, key, certificate, None, serialization.NoEncryption())
    return KeyMaterial(
        certificate.public_bytes(serialization.Encoding.PEM).decode(), base64.b64encode(archive).decode()
    )
