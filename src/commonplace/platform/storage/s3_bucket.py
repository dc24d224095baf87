"""One bucket through obstore, its errors turned into ours."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import obstore
import structlog
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from commonplace.platform.storage.credentials import CredentialSource
from commonplace.platform.storage.errors import ObjectExists, ObjectNotFound, StorageUnavailable
from commonplace.platform.storage.protocol import ObjectInfo
from commonplace.platform.storage.s3_client import CONNECT_TIMEOUT_SECONDS, FIRST_PAUSE_SECONDS, S3Client, refused

CHECK_TIMEOUT_SECONDS = 5.0
LIST_PAGE = 1000  # objects a request; S3 gives no more

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class BucketAddress:
    """Where a bucket is, and how requests to it are made."""

    bucket: str
    region: str
    endpoint_url: str | None = None  #: a server other than AWS
    public_endpoint_url: str | None = None  #: the same server as browsers reach it
    kms_key_id: str | None = None  #: `None`: SSE-S3
    timeout_seconds: float = 30.0  #: for one attempt
    max_attempts: int = 3
    encryption: dict[str, str] = field(init=False)  #: the headers of every write

    def __post_init__(self) -> None:
        headers = {"x-amz-server-side-encryption": "aws:kms" if self.kms_key_id else "AES256"}
        if self.kms_key_id:
            headers["x-amz-server-side-encryption-aws-kms-key-id"] = self.kms_key_id
        object.__setattr__(self, "encryption", headers)

    @property
    def url(self) -> str:
        """The bucket's address for us, without a slash at the end."""
        return self._url(self.endpoint_url)

    @property
    def public_url(self) -> str:
        """The bucket's address for browsers."""
        return self._url(self.public_endpoint_url or self.endpoint_url)

    def _url(self, endpoint: str | None) -> str:
        if endpoint:
            return f"{endpoint.rstrip('/')}/{self.bucket}"
        if "." in self.bucket:  # which the certificate of AWS, for one label, does not cover
            return f"https://s3.{self.region}.amazonaws.com/{self.bucket}"
        return f"https://{self.bucket}.s3.{self.region}.amazonaws.com"


class S3Bucket:
    """The calls of obstore that we use. All raise `StorageUnavailable` when the bucket is out of reach."""

    def __init__(self, address: BucketAddress, credentials: CredentialSource, client: S3Client) -> None:
        self._address = address
        self._client = client
        is_virtual_host = address.endpoint_url is None and not address.url.endswith(f"/{address.bucket}")
        config: Any = {
            "region": address.region,
            "endpoint": address.url if is_virtual_host else address.url.removesuffix(f"/{address.bucket}"),
            "virtual_hosted_style_request": is_virtual_host,
            "server_side_encryption": address.encryption["x-amz-server-side-encryption"],
        }
        if address.kms_key_id:
            config["sse_kms_key_id"] = address.kms_key_id
        self._store = S3Store(
            address.bucket,
            config=config,
            client_options={
                "allow_http": address.url.startswith("http://"),
                "timeout": timedelta(seconds=address.timeout_seconds),
                "connect_timeout": timedelta(seconds=min(address.timeout_seconds, CONNECT_TIMEOUT_SECONDS)),
            },
            retry_config={
                "max_retries": address.max_attempts - 1,
                "retry_timeout": timedelta(seconds=address.timeout_seconds * address.max_attempts),
                "backoff": {"init_backoff": timedelta(seconds=FIRST_PAUSE_SECONDS), "base": 2},
            },
            credential_provider=credentials.for_obstore,
        )

    async def check(self) -> None:
        """Ask for the bucket, once.

        Raises:
            StorageUnavailable: it does not exist, or not for us.
        """
        answer = await self._client.send("HEAD", max_attempts=1, timeout_seconds=CHECK_TIMEOUT_SECONDS)
        if not answer.is_success:
            raise StorageUnavailable(
                f"There is no bucket {self._address.bucket}; make it, or correct FILE_STORAGE__BUCKET."
            )

    async def put(self, key: str, content: bytes, *, content_type: str | None, only_if_absent: bool) -> None:
        """Write an object in one request.

        Raises:
            ObjectExists: `only_if_absent`, and there is one.
        """
        async with self._explained(key):
            await obstore.put_async(
                self._store,
                key,
                content,
                attributes={"Content-Type": content_type} if content_type else None,
                mode="create" if only_if_absent else "overwrite",
                use_multipart=False,
            )

    async def head(self, key: str) -> ObjectInfo:
        """What is known of an object.

        Raises:
            ObjectNotFound: there is none.
        """
        async with self._explained(key):
            return _info(await obstore.head_async(self._store, key))

    async def get(self, key: str, start: int, end: int, etag: str | None = None) -> tuple[memoryview, int, str | None]:
        """The bytes from `start` to before `end` or the object's end, its size, and its ETag.

        Raises:
            ObjectNotFound: there is no such object.
            StorageUnavailable: also when there is no byte at `start`, or it has another ETag than the given one.
        """
        async with self._explained(key):
            options: Any = {"range": (start, end)}
            if etag is not None:
                options["if_match"] = etag
            result = await obstore.get_async(self._store, key, options=options)
            return memoryview(await result.bytes_async()), result.meta["size"], result.meta["e_tag"]

    async def copy(self, source: str, destination: str) -> None:
        """Copy an object within the bucket; up to 5 GB.

        Raises:
            ObjectNotFound: there is no `source`.
        """
        async with self._explained(source):
            await obstore.copy_async(self._store, source, destination)

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove objects, a thousand a request."""
        with contextlib.suppress(ObjectNotFound):
            async with self._explained(keys[0]):
                await obstore.delete_async(self._store, list(keys))

    async def pages(self, prefix: str) -> AsyncIterator[list[ObjectInfo]]:
        """The objects below a folder, a thousand at a time."""
        stream = aiter(obstore.list(self._store, prefix or None, chunk_size=LIST_PAGE))
        while True:
            try:
                async with self._explained(prefix):
                    page = await anext(stream)
            except StopAsyncIteration:
                return
            yield [_info(meta) for meta in page]

    @contextlib.asynccontextmanager
    async def _explained(self, key: str) -> AsyncIterator[None]:
        try:
            yield
        except AlreadyExistsError:
            raise ObjectExists(key) from None
        except FileNotFoundError:
            # Told apart from a bucket that is gone: the sweep must not take all objects for lost.
            await self.check()
            raise ObjectNotFound(key) from None
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise refused(str(error)) from error
        except BaseError as error:
            log.warning("storage.s3_failed", key=key, error=str(error)[:500])
            raise StorageUnavailable("The bucket does not answer; try again in a moment.") from error


def _info(meta: Any) -> ObjectInfo:
    return ObjectInfo(meta["path"], meta["size"], meta["last_modified"])
