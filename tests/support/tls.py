"""Certificates that are made for one test, and servers that use them."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    cert: Path
    key: Path
    signer: tuple


def pair(folder, name, by=None, *, ip="127.0.0.1", days=1, passphrase=None):
    """A pair that `by` signed; by None: an authority of its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer, signing = by.signer if by else (subject, key)
    begins, ends = (datetime.now(UTC) + timedelta(days=at) for at in (-2, days))
    builder = x509.CertificateBuilder(
        issuer, subject, key.public_key(), x509.random_serial_number(), begins, ends
    )
    builder = builder.add_extension(
        x509.BasicConstraints(ca=by is None, path_length=None), critical=True
    )
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ip))]), critical=False
    )
    sealed = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    made = Pair(folder / f"{name}.crt", folder / f"{name}.key", (subject, key))
    made.cert.write_bytes(
        builder.sign(signing, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)
    )
    return made


def server_side(own, clients=None):
    """The rules of a server; `clients` is the authority whose certificates its clients must show."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(own.cert, own.key)
    if clients:
        tls.load_verify_locations(clients.cert)
        tls.verify_mode = ssl.CERT_REQUIRED
    return tls


@contextlib.contextmanager
def says_why(tls):
    """A server that tells why it refuses a connection (asyncio's hangs up instead); gives its address."""
    tls.maximum_version = ssl.TLSVersion.TLSv1_2  # where that is told before anything else is sent
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_refuse_all, args=(listener, tls), daemon=True).start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/"
        listener.shutdown(socket.SHUT_RDWR)


def _refuse_all(listener, tls):
    with contextlib.suppress(OSError):
        while True:
            came, _ = listener.accept()
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                tls.wrap_socket(came, server_side=True).close()
            came.close()
