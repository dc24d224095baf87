"""The keys that come from `JWT__SECRET_KEY`, one for each use, so that none can stand in for another."""

from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_BYTES: Final = 32


class DerivedKeys:
    """Keys of 256 bits, by HKDF-SHA256.

    `factor_secret` is a secret for second factors alone, which outlive a change of the other then.
    """

    def __init__(self, secret: bytes, previous: bytes | None = None, *, factor_secret: bytes | None = None) -> None:
        """With the secret, and with the one before, whose seals and marks still count."""
        self._factor_secret = factor_secret
        self.take(secret, previous)

    def take(self, secret: bytes, previous: bytes | None = None) -> None:
        """Derive all keys anew, of another secret."""
        factor_secret = self._factor_secret
        self._previous = None if previous is None or previous == secret else DerivedKeys(previous)
        self.sealing = _derived(secret, b"commonplace: signing keys")  #: encrypts private signing keys
        self.refreshing = _derived(secret, b"commonplace: refresh tokens")  #: turns a refresh token into its successor
        self.disowning = _derived(secret, b"commonplace: disowning")  #: makes links that end a session from a mail
        self.lettering = _derived(secret, b"commonplace: letters")  #: makes the links of mails
        self.inviting = _derived(secret, b"commonplace: invitations")  #: makes the links of invitations
        self.naming = _derived(secret, b"commonplace: sign-in attempts")  #: hides what somebody typed as an address
        #: encrypts the secrets of authenticator apps
        self.factors = _derived(factor_secret or secret, b"commonplace: second factors")
        #: open those sealed before there was a secret for them alone, or with the secret before
        self.former_factors = tuple(
            _derived(former, b"commonplace: second factors")
            for former in (secret if factor_secret else None, previous)
            if former is not None
        )
        self.straying = _derived(secret, b"commonplace: sign-ins elsewhere")  #: seals a sign-in that goes to an issuer
        self.challenging = _derived(secret, b"commonplace: passkey challenges")  #: marks a passkey's challenge as ours

    def all(self, name: str) -> tuple[bytes, ...]:
        """The key of this name, then that of the secret before, for what was made with either."""
        return tuple(getattr(keys, name) for keys in (self, self._previous) if keys is not None)


def _derived(secret: bytes, use: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_BYTES, salt=None, info=use).derive(secret)
