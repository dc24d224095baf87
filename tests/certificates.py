"""Certificates for servers of tests, by an authority of their own."""

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificates:
    authority: Path
    server: ssl.SSLContext  #: for 127.0.0.1 and localhost
    other: ssl.SSLContext  #: by the same authority, for another host


def make_certificates(directory: Path) -> Certificates:
    """Make an authority, and what it has signed; the files lie in `directory`."""
    key, name = ec.generate_private_key(ec.SECP256R1()), _name("Test authority")
    root = _certificate(name, key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    authority = directory / "authority.pem"
    signed = root.issuer_name(name).sign(key, hashes.SHA256())
    authority.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def context(*hosts: x509.GeneralName) -> ssl.SSLContext:
        own = ec.generate_private_key(ec.SECP256R1())
        leaf = _certificate(_name("server"), own.public_key()).issuer_name(name)
        signed = leaf.add_extension(x509.SubjectAlternativeName(hosts), critical=False).sign(key, hashes.SHA256())
        path = directory / f"{len(list(directory.iterdir()))}.pem"
        private = own.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(path)
        return made

    here = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    return Certificates(authority, context(*here), context(x509.DNSName("mail.example.org")))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
    )
