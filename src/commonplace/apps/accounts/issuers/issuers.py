"""The issuers of this installation, as one process knows them."""

from collections.abc import Iterator, Mapping, Sequence

from commonplace.apps.accounts.issuers.errors import IssuerNotFound
from commonplace.apps.accounts.issuers.issuer import Issuer, issuers_of
from commonplace.apps.accounts.issuers.provider import Provider
from commonplace.apps.accounts.issuers.settings import IssuerSettings
from commonplace.apps.accounts.issuers.web import Web


class Issuers:
    """A `Provider` for each issuer that the settings name."""

    def __init__(self, settings: Mapping[str, IssuerSettings], web: Web) -> None:
        """Asks nobody yet.

        Raises:
            ValueError: the settings of an issuer cannot be.
        """
        self._providers = {name: Provider(issuer, web) for name, issuer in issuers_of(settings).items()}

    def __iter__(self) -> Iterator[Issuer]:
        return (provider.issuer for provider in self._providers.values())

    def __getitem__(self, name: str) -> Provider:
        """The issuer of this name.

        Raises:
            IssuerNotFound: there is none.
        """
        try:
            return self._providers[name]
        except KeyError:
            raise IssuerNotFound from None

    @property
    def pools(self) -> Sequence[Provider]:
        """The user pools of Cognito."""
        return [provider for provider in self._providers.values() if provider.issuer.preset == "cognito"]

    @property
    def addresses(self) -> list[str]:
        """The `iss` of each."""
        return [issuer.address for issuer in self]

    def name_of(self, address: str) -> str:
        """The name of the issuer of this `iss`, or the address where it is not configured any more."""
        return next((issuer.name for issuer in self if issuer.address == address), address)

    def title_of(self, address: str) -> str:
        """How people call the issuer of this `iss`: its title, or the address where it is not configured any more."""
        return next((issuer.title for issuer in self if issuer.address == address), address)
