"""Certificates for tests: an authority of the test's own, and what it signs."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

HERE: Sequence[x509.GeneralName] = (x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1")))


class Authority:
    """Signs certificates for this machine; `certificate` is what a client is to trust."""

    def __init__(self, directory: Path) -> None:
        self.certificate = directory / "authority.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority of a test")])
        own = (
            _builder(self._name, self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, SHA256())
        )
        self.certificate.write_bytes(own.public_bytes(Encoding.PEM))

    def sign(self, certificate: Path, key: Path, hosts: Sequence[x509.GeneralName] = HERE) -> int:
        """Write a new certificate for 127.0.0.1, or for other hosts, and its key; the certificate's number."""
        fresh = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        names = x509.SubjectAlternativeName(hosts)
        signed = _builder(name, self._name, fresh).add_extension(names, critical=False).sign(self._key, SHA256())
        key.write_bytes(fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        certificate.write_bytes(signed.public_bytes(Encoding.PEM))
        return signed.serial_number


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
    )


@dataclass(frozen=True)
class Certificates:
    """What servers of tests show."""

    authority: Path  #: what a client is to trust
    server: ssl.SSLContext  #: for 127.0.0.1 and localhost
    other: ssl.SSLContext  #: by the same authority, for another host


def make_certificates(directory: Path) -> Certificates:
    """Make an authority, and contexts with certificates of its own; the files lie in `directory`."""
    authority = Authority(directory)

    def context(name: str, hosts: Sequence[x509.GeneralName]) -> ssl.SSLContext:
        certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
        authority.sign(certificate, key, hosts)
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(certificate, key)
        return made

    return Certificates(
        authority.certificate, context("here", HERE), context("other", [x509.DNSName("mail.example.org")])
    )
