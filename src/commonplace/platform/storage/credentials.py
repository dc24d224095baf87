"""Whose name requests to S3 are made in.

In this order: what the settings say; `AWS_ACCESS_KEY_ID` and its companions; the role of the container (ECS, App
Runner, EKS Pod Identity); the role of the machine (EC2). Roles' credentials expire, and are fetched again in time.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from commonplace.platform.storage.errors import StorageUnavailable
from commonplace.platform.storage.sigv4 import Credentials

RENEW_BEFORE = timedelta(minutes=5)
CONTAINER_ADDRESS = "http://169.254.170.2"
MACHINE_ADDRESS = "http://169.254.169.254"
_TIMEOUT_SECONDS = 2.0  # both addresses are on the same host, or not there at all
_MACHINE_ROLE = "/latest/meta-data/iam/security-credentials/"


class CredentialSource:
    """Gives credentials that are good for five minutes at least.

    Args:
        given: Those of the settings, if there are any.
        environment: The process's environment.
        machine_address: Where the machine tells of its role.
    """

    def __init__(
        self, given: Credentials | None, environment: Mapping[str, str], *, machine_address: str = MACHINE_ADDRESS
    ) -> None:
        self._environment = environment
        self._machine_address = machine_address
        self._current = given or _from_environment(environment)
        self._lock = asyncio.Lock()

    async def get(self) -> Credentials:
        """The credentials to sign with now.

        Raises:
            StorageUnavailable: there are none, or the role's cannot be fetched.
        """
        async with self._lock:
            current = self._current
            if current is None or (current.expires_at and current.expires_at - datetime.now(UTC) < RENEW_BEFORE):
                current = self._current = await self._fetch()
            return current

    async def for_obstore(self) -> Any:
        """The same in obstore's form."""
        current = await self.get()
        return {
            "access_key_id": current.access_key_id,
            "secret_access_key": current.secret_access_key,
            "token": current.session_token,
            # It asks again when they are over; we renew them sooner.
            "expires_at": current.expires_at and current.expires_at - RENEW_BEFORE,
        }

    async def _fetch(self) -> Credentials:
        try:
            # Not through a proxy: these addresses mean this very host.
            async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
                return _parsed(await (self._of_container(client) if self._is_container() else self._of_machine(client)))
        except (httpx.HTTPError, OSError, ValueError, KeyError) as error:
            raise StorageUnavailable(
                "There are no credentials for S3: set FILE_STORAGE__ACCESS_KEY_ID and FILE_STORAGE__SECRET_ACCESS_KEY, "
                "or give the container or machine a role."
            ) from error

    def _is_container(self) -> bool:
        return any(
            name in self._environment
            for name in ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
        )

    async def _of_container(self, client: httpx.AsyncClient) -> dict[str, Any]:
        relative = self._environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        url = CONTAINER_ADDRESS + relative if relative else self._environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        token = self._environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
        if file := self._environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
            token = (await asyncio.to_thread(Path(file).read_text)).strip()
        return await _get(client, url, {"Authorization": token} if token else {})

    async def _of_machine(self, client: httpx.AsyncClient) -> dict[str, Any]:
        answer = await client.put(
            f"{self._machine_address}/latest/api/token", headers={"X-aws-ec2-metadata-token-ttl-seconds": "300"}
        )
        headers = {"X-aws-ec2-metadata-token": answer.raise_for_status().text}
        role = await client.get(self._machine_address + _MACHINE_ROLE, headers=headers)
        name = role.raise_for_status().text.split()[0] if role.text.strip() else ""
        return await _get(client, f"{self._machine_address}{_MACHINE_ROLE}{name}", headers)


async def _get(client: httpx.AsyncClient, url: str, headers: Mapping[str, str]) -> dict[str, Any]:
    answer: dict[str, Any] = (await client.get(url, headers=dict(headers))).raise_for_status().json()
    return answer


def _from_environment(environment: Mapping[str, str]) -> Credentials | None:
    access_key_id = environment.get("AWS_ACCESS_KEY_ID")
    secret = environment.get("AWS_SECRET_ACCESS_KEY")
    if not access_key_id or not secret:
        return None
    return Credentials(access_key_id, secret, environment.get("AWS_SESSION_TOKEN") or None)


def _parsed(answer: dict[str, Any]) -> Credentials:
    return Credentials(
        answer["AccessKeyId"],
        answer["SecretAccessKey"],
        answer.get("Token"),
        datetime.fromisoformat(answer["Expiration"]),
    )
