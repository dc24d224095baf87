"""The certificate that the server shows, and when it was renewed."""

import ssl
from pathlib import Path

import structlog

_log = structlog.get_logger(__name__)


class CertificateUnusable(Exception):
    """The files hold no certificate with its key; the message says which is wrong."""


class Certificate:
    """A pair of files, as whoever renews certificates writes them."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """PEM files: the certificate with those that lead to its authority, and its key without a password."""
        self.certificate, self.key = certificate, key
        self._seen = self._state()

    def check(self) -> None:
        """Try both.

        Raises:
            CertificateUnusable: one cannot be read, or they do not belong together.
        """
        for path in (self.certificate, self.key):
            try:
                path.read_bytes()
            except OSError as error:
                raise CertificateUnusable(f"{path} cannot be read: {error.strerror}.") from error
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key, password="")
        except (ssl.SSLError, OSError, ValueError) as error:
            reason = "the key is not that of the certificate" if "MISMATCH" in str(error) else "they are no PEM files"
            raise CertificateUnusable(f"{self.certificate} and {self.key}: {reason}.") from error

    def was_renewed(self) -> bool:
        """Whether the files are others than when this was last true, and fit to be used.

        Files that do not fit (yet) are tried again the next time.
        """
        state = self._state()
        if state == self._seen:
            return False
        try:
            self.check()
        except CertificateUnusable as error:
            _log.warning("certificate.unusable", reason=str(error))
            return False
        self._seen = state
        return True

    def _state(self) -> list[tuple[int, int, int] | None]:
        return [_state_of(path) for path in (self.certificate, self.key)]


def _state_of(path: Path) -> tuple[int, int, int] | None:
    """Of the file that a link leads to: renewals often put the link on another."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
