"""HTTPS of the server's own, as on a home network: what a browser and a phone ask of it, and a renewal."""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from websockets.sync.client import connect

from commonplace.platform.database.address import Address
from commonplace.platform.http.certificate import Certificate, CertificateUnusable
from commonplace.settings import SettingsRefused, load_settings
from tests.acceptance.served import Served
from tests.certificates import Authority
from tests.conftest import database_url
from tests.visitor import PASSWORD

Make = Callable[..., Served]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def number_of(served: Served) -> int:
    """The number of the certificate that a new connection is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", served.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        shown = secure.getpeercert(binary_form=True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown).serial_number


@pytest.mark.long
@pytest.mark.parametrize("server", ["granian", "uvicorn"])
def test_everything_goes_over_tls_and_a_renewal_needs_no_restart(
    installation: Make, authority: Authority, cloned_database_address: Address, tmp_path: Path, server: str
) -> None:
    folder, link = tmp_path / "first", tmp_path / "live"
    folder.mkdir()
    link.symlink_to(folder)  # as certbot keeps them: a renewal puts the link on other files
    first = authority.sign(folder / "certificate.pem", folder / "key.pem")
    served = installation(
        ENVIRONMENT="production",
        DATABASE_URL=database_url(cloned_database_address),
        JWT__SECRET_KEY="b1946ac92492d2347c6235b4d2611184b1946ac92492d234",
        ACCOUNTS__REGISTRATION="open",
        TLS__CERTIFICATE=str(link / "certificate.pem"),
        TLS__KEY=str(link / "key.pem"),
        TLS__RELOAD_SECONDS="0.2",
    )
    served.verify = ssl.create_default_context(cafile=str(authority.certificate))
    served.start("--server", server)
    assert f"Commonplace is at https://127.0.0.1:{served.port}" in served.output
    client = served.join("ana")
    health = client.get("/health/live")
    assert health.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    form = {"email": "ana@example.org", "password": PASSWORD}
    cookie = client.post("/app/sign-in", data=form, headers={"Origin": served.url}).headers["Set-Cookie"]
    assert "; Secure" in cookie
    headers = {"Authorization": client.headers["Authorization"]}
    address = f"wss://127.0.0.1:{served.port}/api/live"
    with connect(address, ssl=served.verify, additional_headers=headers) as live:
        assert "cursor" in str(live.recv(timeout=20))
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"http://127.0.0.1:{served.port}/health/live")
        old = ssl.create_default_context(cafile=str(authority.certificate))
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{served.url}/health/live", verify=old)

        assert number_of(served) == first
        later = tmp_path / "second"
        later.mkdir()
        second = authority.sign(later / "certificate.pem", later / "key.pem")
        (tmp_path / "fresh").symlink_to(later)
        (tmp_path / "fresh").rename(link)
        served.wait(lambda: number_of(served) == second, seconds=60)
        assert client.get("/auth/profile").status_code == 200


def test_a_renewal_is_seen_when_both_files_are_there(tmp_path: Path, authority: Authority) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    authority.sign(certificate, key)
    pair = Certificate(certificate, key)
    assert not pair.was_renewed()
    authority.sign(certificate, tmp_path / "its key comes later")
    assert not pair.was_renewed(), "The key is the former one's."
    (tmp_path / "its key comes later").rename(key)
    assert pair.was_renewed()
    assert not pair.was_renewed()
    key.unlink()
    assert not pair.was_renewed()
    with pytest.raises(CertificateUnusable, match="cannot be read"):
        pair.check()


def test_what_is_wrong_with_a_certificate_is_told_at_the_start(tmp_path: Path, authority: Authority) -> None:
    certificate, key, other = tmp_path / "certificate.pem", tmp_path / "key.pem", tmp_path / "other.pem"
    authority.sign(certificate, key)
    authority.sign(tmp_path / "of the other.pem", other)
    (tmp_path / "text.pem").write_text("no certificate")
    for environ, said in (
        ({"TLS__CERTIFICATE": str(certificate)}, "TLS__KEY: is not set"),
        ({"TLS__KEY": str(key)}, "TLS__CERTIFICATE: is not set"),
        ({"TLS__CERTIFICATE": str(certificate), "TLS__KEY": str(other)}, "not that of the certificate"),
        ({"TLS__CERTIFICATE": str(tmp_path / "text.pem"), "TLS__KEY": str(key)}, "no PEM files"),
        ({"TLS__CERTIFICATE": str(tmp_path / "none.pem"), "TLS__KEY": str(key)}, "No such file"),
    ):
        with pytest.raises(SettingsRefused, match=said):
            load_settings(environ, env_file=None)
    settings = load_settings({"TLS__CERTIFICATE": str(certificate), "TLS__KEY": str(key)}, env_file=None)
    assert settings.scheme == "https"
