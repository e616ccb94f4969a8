"""Questions and answers over TLS: by turns on native threads, and only to a broker with the right certificate."""

import datetime
import ipaddress
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from novalike.objects import errors
from novalike.objects.context import admin_context
from tests.integration.desk import URL, Clerk, Desk, ask

pytestmark = pytest.mark.skipif(not URL, reason="needs the stack's message broker")

_DAY = datetime.timedelta(days=1)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of 127.0.0.1, with its key; its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + _DAY)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    no_password = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    path = tmp_path / "broker.pem"
    path.write_bytes(
        made.public_bytes(pem) + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, no_password)
    )
    return path


def test_over_tls(make, serve, relay, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    relay.stop()
    relay.start(tls=context)
    serve(make(over=relay.port, ssl=True, ssl_ca_file=str(certificate)), Clerk())
    transport = make(over=relay.port, ssl=True, ssl_ca_file=str(certificate))
    texts = [str(number) * 200_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda n: ask(transport, n), range(100))) == [2 * n for n in range(100)]
        client = transport.client(Desk)
        assert list(pool.map(lambda text: client.echo(admin_context(), text=text), texts)) == texts
    assert client.once(admin_context(), number=1) == 2
    began = time.monotonic()
    transport.close()
    assert time.monotonic() - began < 5


def test_over_tls_a_connection_that_is_cut_is_made_again(make, serve, relay, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    relay.stop()
    relay.start(tls=context)
    serve(make(over=relay.port, ssl=True, ssl_ca_file=str(certificate)), Clerk())
    transport = make(over=relay.port, ssl=True, ssl_ca_file=str(certificate))
    for number in range(3):
        assert ask(transport, number) == 2 * number
        relay.cut()
    assert ask(transport, 7) == 14


def test_a_broker_with_a_wrong_certificate_is_refused(make, serve, relay, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    relay.stop()
    relay.start(tls=context)
    serve(make(), Clerk())
    transport = make(over=relay.port, ssl=True)
    transport.patience = transport.try_timeout = 1.0
    with pytest.raises(errors.Unavailable, match="can't be reached"):
        ask(transport, 1)
