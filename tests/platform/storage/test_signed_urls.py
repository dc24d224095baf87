"""Signed URLs: what whoever holds one can do, and what not, on local disk and on S3."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from commonplace.platform.storage import local as local_module
from commonplace.platform.storage import s3_client
from commonplace.platform.storage.errors import ObjectExists, ObjectNotFound, SignatureRefused
from commonplace.platform.storage.protocol import ObjectStorage, SignedRequest
from commonplace.platform.storage.signing import Grant, UrlSigner

pytestmark = pytest.mark.anyio

CONTENT = b"somebody's photograph"
Ask = Callable[..., Awaitable[httpx.Response]]


@dataclass(frozen=True)
class LocalRoute:
    """What the application's route does with a token; the real one is tested with the files app."""

    storage: ObjectStorage

    async def __call__(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> httpx.Response:
        try:
            grant = self.storage.redeem(url.removeprefix("/api/storage/"), method=method)
            if method == "PUT":
                return await self._put(grant, {name.lower(): value for name, value in (headers or {}).items()}, content)
            async with await self.storage.read(grant.key) as reader:
                body = b"".join([chunk async for chunk in reader])
        except SignatureRefused:
            return httpx.Response(403)
        except ObjectNotFound:
            return httpx.Response(404)
        wanted = {"content-type": grant.content_type, "content-disposition": grant.disposition}
        return httpx.Response(200, headers={name: value for name, value in wanted.items() if value}, content=body)

    async def _put(self, grant: Grant, headers: Mapping[str, str], content: bytes) -> httpx.Response:
        if len(content) != grant.size_bytes or headers.get("content-type") != grant.content_type:
            return httpx.Response(403)
        try:
            await self.storage.put(grant.key, content, only_if_absent=True)
        except ObjectExists:
            return httpx.Response(412)
        return httpx.Response(200)


@pytest.fixture
async def ask(storage: ObjectStorage) -> AsyncIterator[Ask]:
    """Make a request as a stranger would, with nothing but a URL."""
    if (await storage.sign_read("files/x")).url.startswith("/"):
        yield LocalRoute(storage)
    else:
        async with httpx.AsyncClient() as client:

            async def send(
                method: str, url: str, *, headers: Mapping[str, str] | None = None, content: bytes = b""
            ) -> httpx.Response:
                return await client.request(method, url, headers=dict(headers or {}), content=content)

            yield send


@pytest.fixture
async def stored(storage: ObjectStorage, key: str) -> str:
    await storage.put(key, CONTENT)
    return key


class EarlierClock(datetime):
    """Two hours ago."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        assert tz is UTC
        return datetime.now(UTC) - timedelta(hours=2)


@contextmanager
def two_hours_ago() -> Iterator[None]:
    """What is signed in this block was signed two hours ago."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_module, "datetime", EarlierClock)
        patch.setattr(s3_client, "datetime", EarlierClock)
        yield


def altered(url: str) -> str:
    """The same URL with the last character of its signature (or token) changed."""
    return url[:-1] + ("0" if url[-1] != "0" else "1")


class TestSignedRead:
    async def test_it_reads_without_a_credential(self, storage: ObjectStorage, ask: Ask, stored: str) -> None:
        signed = await storage.sign_read(stored)
        assert (signed.method, signed.headers) == ("GET", {})
        answer = await ask("GET", signed.url)
        assert (answer.status_code, answer.content) == (200, CONTENT)

    async def test_it_tells_how_the_answer_is_to_look(self, storage: ObjectStorage, ask: Ask, stored: str) -> None:
        disposition = "attachment; filename=\"a b+c&d.png\"; filename*=UTF-8''%C3%A4%20b.png"
        signed = await storage.sign_read(stored, disposition=disposition, content_type="image/png")
        answer = await ask("GET", signed.url)
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"] == disposition
        assert answer.headers["Content-Type"] == "image/png"

    async def test_it_lasts_sixty_minutes(self, storage: ObjectStorage, stored: str) -> None:
        signed = await storage.sign_read(stored)
        assert abs(signed.expires_at - datetime.now(UTC) - timedelta(minutes=60)) < timedelta(seconds=10)
        if query := parse_qs(urlsplit(signed.url).query):
            assert query["X-Amz-Expires"] == ["3600"]

    async def test_after_that_it_is_refused(self, storage: ObjectStorage, ask: Ask, stored: str) -> None:
        with two_hours_ago():
            short = await storage.sign_read(stored, lifetime=timedelta(minutes=119))
            long = await storage.sign_read(stored, lifetime=timedelta(minutes=121))
        assert (await ask("GET", short.url)).status_code == 403
        assert (await ask("GET", long.url)).status_code == 200

    async def test_it_neither_writes_nor_deletes(self, storage: ObjectStorage, ask: Ask, stored: str) -> None:
        signed = await storage.sign_read(stored)
        for method in ("PUT", "DELETE", "POST"):
            assert (await ask(method, signed.url, content=b"mine now")).status_code in (400, 403, 405)
        assert (await ask("GET", signed.url)).content == CONTENT

    async def test_one_that_was_tampered_with_is_refused(
        self, storage: ObjectStorage, ask: Ask, stored: str, folder: str
    ) -> None:
        await storage.put(f"{folder}/other.bin", b"not shared")
        signed = await storage.sign_read(stored, disposition="attachment")
        other = await storage.sign_read(f"{folder}/other.bin", disposition="attachment")
        for url in (
            altered(signed.url),
            signed.url.replace("object.bin", "other.bin").replace("attachment", "inline")
            + "x" * signed.url.count("/api/"),
            swapped(signed.url, other.url),
            signed.url[: len(signed.url) // 2],
        ):
            assert (await ask("GET", url)).status_code in (400, 403)

    @pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(seconds=-1), timedelta(days=7, seconds=1)])
    async def test_a_lifetime_has_bounds(self, storage: ObjectStorage, stored: str, lifetime: timedelta) -> None:
        with pytest.raises(ValueError, match="7 days"):
            await storage.sign_read(stored, lifetime=lifetime)

    async def test_an_object_that_went_is_not_found(self, storage: ObjectStorage, ask: Ask, stored: str) -> None:
        signed = await storage.sign_read(stored)
        await storage.delete(stored)
        assert (await ask("GET", signed.url)).status_code == 404


def swapped(url: str, other: str) -> str:
    """`other`'s statement under the signature of `url`."""
    if url.startswith("/"):
        start = len("/api/storage/")
        return url[: start + 43] + other[start + 43 :]
    return other.rpartition("=")[0] + "=" + url.rpartition("=")[2]


class TestSignedUpload:
    async def signed(self, storage: ObjectStorage, key: str) -> SignedRequest:
        return await storage.sign_upload(key, size_bytes=len(CONTENT), content_type="image/png")

    async def test_it_takes_the_object_that_was_announced(self, storage: ObjectStorage, ask: Ask, key: str) -> None:
        signed = await self.signed(storage, key)
        answer = await ask("PUT", signed.url, headers=signed.headers, content=CONTENT)
        assert answer.status_code == 200
        async with await storage.read(key) as reader:
            assert [chunk async for chunk in reader] == [CONTENT]

    async def test_it_takes_no_more_and_no_less(self, storage: ObjectStorage, ask: Ask, key: str) -> None:
        signed = await self.signed(storage, key)
        for content in (CONTENT + b"!", CONTENT[:-1], b""):
            headers = {**signed.headers, "Content-Length": str(len(content))}
            assert (await ask("PUT", signed.url, headers=headers, content=content)).status_code == 403
        await self.nothing_is_there(storage, key)

    async def test_it_takes_no_other_type(self, storage: ObjectStorage, ask: Ask, key: str) -> None:
        signed = await self.signed(storage, key)
        headers = {**signed.headers, "Content-Type": "text/html"}
        assert (await ask("PUT", signed.url, headers=headers, content=CONTENT)).status_code == 403
        await self.nothing_is_there(storage, key)

    async def test_it_never_replaces(self, storage: ObjectStorage, ask: Ask, key: str) -> None:
        signed = await self.signed(storage, key)
        await ask("PUT", signed.url, headers=signed.headers, content=CONTENT)
        again = await ask("PUT", signed.url, headers=signed.headers, content=CONTENT[::-1])
        assert again.status_code == 412
        async with await storage.read(key) as reader:
            assert [chunk async for chunk in reader] == [CONTENT]

    async def test_it_does_not_read(self, storage: ObjectStorage, ask: Ask, stored: str) -> None:
        signed = await self.signed(storage, stored)
        assert (await ask("GET", signed.url, headers=signed.headers, content=CONTENT)).status_code == 403

    async def test_one_that_was_tampered_with_or_is_too_old_is_refused(
        self, storage: ObjectStorage, ask: Ask, key: str
    ) -> None:
        signed = await self.signed(storage, key)
        assert (await ask("PUT", altered(signed.url), headers=signed.headers, content=CONTENT)).status_code == 403
        with two_hours_ago():
            old = await self.signed(storage, key)
        assert (await ask("PUT", old.url, headers=old.headers, content=CONTENT)).status_code == 403
        await self.nothing_is_there(storage, key)

    async def nothing_is_there(self, storage: ObjectStorage, key: str) -> None:
        with pytest.raises(ObjectNotFound):
            await storage.stat(key)


class TestTokens:
    """What `UrlSigner` makes for local storage."""

    signer = UrlSigner(b"one secret")

    def grant(self, method: str = "GET", **changes: object) -> Grant:
        return Grant(method, "files/a.bin", datetime.now(UTC) + timedelta(minutes=1), **changes)  # type: ignore[arg-type]

    def test_a_token_carries_everything_and_survives_a_path(self) -> None:
        grant = self.grant(disposition='attachment; filename="ä/?.png"', content_type="image/png", size_bytes=7)
        token = self.signer.sign(grant)
        assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        assert self.signer.verify(token, method="GET") == grant

    def test_head_is_a_kind_of_get(self) -> None:
        assert self.signer.verify(self.signer.sign(self.grant()), method="HEAD").method == "GET"
        with pytest.raises(SignatureRefused, match="PUT only"):
            self.signer.verify(self.signer.sign(self.grant("PUT")), method="HEAD")

    def test_every_changed_character_is_noticed(self) -> None:
        token = self.signer.sign(self.grant())
        for position in range(len(token)):
            for other in "Aa0_":
                if token[position] != other:
                    with pytest.raises(SignatureRefused):
                        self.signer.verify(token[:position] + other + token[position + 1 :], method="GET")

    @pytest.mark.parametrize("nonsense", ["", "x", "=", "ä" * 60, "A" * 5000, "!" * 80, "A" * 43, "A" * 100])
    def test_nonsense_is_refused(self, nonsense: str) -> None:
        with pytest.raises(SignatureRefused, match="not valid"):
            self.signer.verify(nonsense, method="GET")

    def test_a_token_of_another_installation_is_refused(self) -> None:
        with pytest.raises(SignatureRefused):
            UrlSigner(b"another secret").verify(self.signer.sign(self.grant()), method="GET")

    def test_a_rotated_secret_signs_and_the_one_before_counts_until_it_is_gone(self) -> None:
        signer = UrlSigner(b"first")
        before = signer.sign(self.grant())
        signer.take(b"second", b"first")
        assert signer.verify(before, method="GET").key == "files/a.bin"
        after = signer.sign(self.grant())
        signer.take(b"second")
        assert signer.verify(after, method="GET").key == "files/a.bin"
        with pytest.raises(SignatureRefused, match="not valid"):
            signer.verify(before, method="GET")

    def test_the_moment_it_expires_it_is_over(self) -> None:
        grant = self.grant()
        token = self.signer.sign(grant)
        assert self.signer.verify(token, method="GET", now=grant.expires_at - timedelta(microseconds=1)) == grant
        with pytest.raises(SignatureRefused, match="expired"):
            self.signer.verify(token, method="GET", now=grant.expires_at)

    def test_there_is_no_signer_without_a_secret(self) -> None:
        with pytest.raises(ValueError, match="secret"):
            UrlSigner(b"")


async def test_s3_takes_no_tokens_of_ours(s3: ObjectStorage) -> None:
    token = UrlSigner(b"a secret of the tests").sign(
        Grant("GET", "files/a.bin", datetime.now(UTC) + timedelta(minutes=1))
    )
    with pytest.raises(SignatureRefused):
        s3.redeem(token, method="GET")
