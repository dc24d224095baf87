"""The tus protocol 1.0.0: the core and each extension, every header and every refusal that it names."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from commonplace.apps.files import resumable_end, resumable_sink
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from commonplace.platform.space.usage import set_quota
from commonplace.platform.storage.objects import ObjectUses
from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.platform.storage.sweep import sweep
from tests.apps.files.conftest import MakeFolder, StoredKeys, Told, Upload

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]

PATH = "/api/files/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
STREAM = {**TUS, "Content-Type": "application/offset+octet-stream"}
CONTENT = bytes(range(256)) * 12_000  # 3 MB


def metadata(**pairs: object) -> str:
    return ",".join(f"{key} {base64.b64encode(str(value).encode()).decode()}" for key, value in pairs.items())


def sha1(content: bytes) -> Any:
    return hashlib.sha1(content, usedforsecurity=False)


async def begin(visitor: Any, size: int | None, headers: dict[str, str] | None = None, **pairs: object) -> str:
    """The path of a new upload."""
    length = {"Upload-Defer-Length": "1"} if size is None else {"Upload-Length": str(size)}
    given = {"Upload-Metadata": metadata(**pairs)} if pairs else {}
    answer = await visitor.post(PATH, headers={**TUS, **length, **given, **(headers or {})})
    assert answer.status_code == 201, answer.text
    path: str = answer.headers["Location"]
    return path


async def send(visitor: Any, path: str, offset: int, content: Any, **headers: str) -> Any:
    return await visitor.patch(
        path,
        headers={**STREAM, "Upload-Offset": str(offset), **{k.replace("_", "-"): v for k, v in headers.items()}},
        content=content,
    )


async def head(visitor: Any, path: str) -> Any:
    answer = await visitor.head(path, headers=TUS)
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    return answer


async def file_of(visitor: Any, answer: Any) -> dict[str, Any]:
    made: dict[str, Any] = (await visitor.get(answer.headers["Content-Location"])).json()
    return made


def type_of(answer: Any) -> str:
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    return str(answer.json()["type"].rpartition("/")[2])


async def breaking(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    raise ConnectionResetError


async def broken(visitor: Any, path: str, offset: int, *chunks: bytes, **headers: str) -> None:
    """Send what the line lets through before it breaks."""
    with pytest.raises((AssertionError, ConnectionResetError)):  # there is no answer, which the transport cannot stand
        await send(visitor, path, offset, breaking(*chunks), **headers)


async def find_faults(parts: Parts) -> list[Any]:
    report = await sweep(parts[ObjectStorage], parts[Database], parts[ObjectUses], grace=timedelta(0))
    return [*report.without_row.examples, *report.without_bytes.examples]


async def test_what_it_can_do_anybody_may_ask(nobody: Any) -> None:
    for path in (PATH, f"{PATH}/{uuid4()}"):
        answer = await nobody.options(path)
        assert answer.status_code == 204
        assert answer.headers["Tus-Resumable"] == answer.headers["Tus-Version"] == "1.0.0"
        assert set(answer.headers["Tus-Extension"].split(",")) == {
            *("creation", "creation-with-upload", "creation-defer-length"),
            *("checksum", "expiration", "termination", "concatenation"),
        }
        assert "sha1" in answer.headers["Tus-Checksum-Algorithm"].split(",")
        assert "Tus-Max-Size" not in answer.headers


async def test_an_upload_goes_on_where_it_was(ana: Any, make_folder: MakeFolder, told: Told, parts: Parts) -> None:
    folder = await make_folder(ana)
    path = await begin(ana, len(CONTENT), filename="Harbour.bin", folder_id=folder["id"])
    answer = await head(ana, path)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert (answer.headers["Upload-Offset"], answer.headers["Upload-Length"]) == ("0", str(len(CONTENT)))
    assert answer.headers["Upload-Metadata"] == metadata(filename="Harbour.bin", folder_id=folder["id"])
    assert answer.headers["Upload-Expires"].endswith(" GMT")
    assert "Content-Location" not in answer.headers
    answer = await send(ana, path, 0, CONTENT[:1_500_000])
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "1500000")
    assert answer.headers["Upload-Expires"].endswith(" GMT")
    assert (await head(ana, path)).headers["Upload-Offset"] == "1500000"
    assert not (await ana.get("/api/files", params={"folder_id": folder["id"]})).json()["items"]
    assert await find_faults(parts) == []
    answer = await send(ana, path, 1_500_000, CONTENT[1_500_000:])
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(len(CONTENT)))
    assert "Upload-Expires" not in answer.headers
    made = await file_of(ana, answer)
    assert (made["name"], made["folder_id"], made["version"]) == ("Harbour.bin", folder["id"], 1)
    assert made["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert (await ana.get(f"/api/files/{made['id']}/content")).content == CONTENT
    assert (await told())[-1] == "file.uploaded"
    # The last answer may be lost: then HEAD says that all is there, and sending nothing changes nothing.
    answer = await head(ana, path)
    assert answer.headers["Upload-Offset"] == answer.headers["Upload-Length"]
    assert answer.headers["Content-Location"] == f"/api/files/{made['id']}"
    assert (await send(ana, path, len(CONTENT), b"")).headers["Content-Location"] == f"/api/files/{made['id']}"
    assert (await send(ana, path, len(CONTENT), b"more")).status_code == 413
    described = (await ana.get(path)).json()
    assert (described["file_id"], described["received_bytes"]) == (made["id"], len(CONTENT))


async def test_what_came_before_the_line_broke_counts(ana: Any, parts: Parts) -> None:
    path = await begin(ana, len(CONTENT))
    await broken(ana, path, 0, CONTENT[:700_001], CONTENT[700_001:2_000_003])
    assert (await head(ana, path)).headers["Upload-Offset"] == "2000003"
    resumable_sink.HASHES.take(_id(path), 1)  # as if another process went on: it has not hashed what is there
    answer = await send(ana, path, 2_000_003, CONTENT[2_000_003:])
    assert (await file_of(ana, answer))["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert await find_faults(parts) == []


async def test_nobody_writes_a_byte_to_what_is_not_theirs(
    ana: Any, ben: Any, nobody: Any, stored_keys: StoredKeys
) -> None:
    path = await begin(ana, 8)
    for visitor, status in ((nobody, 401), (ben, 404)):
        for answer in (
            await send(visitor, path, 0, b"12345678"),
            await visitor.delete(path, headers=TUS),
            await visitor.get(path),
            await visitor.post(path, headers={**STREAM, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}),
        ):
            assert answer.status_code == status
            assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert (await nobody.post(PATH, headers={**STREAM, "Upload-Length": "1"}, content=b"1")).status_code == 401
    assert await stored_keys() == []
    assert (await head(ana, path)).headers["Upload-Offset"] == "0"
    answer = await ben.post(PATH, headers={**TUS, "Upload-Concat": f"final;{path}"})
    assert (answer.status_code, type_of(answer)) == (404, "upload-not-found")


async def test_what_is_not_tus_is_refused(ana: Any) -> None:
    path = await begin(ana, 8)
    for version in ({}, {"Tus-Resumable": "0.2.2"}):
        for answer in (
            await ana.post(PATH, headers={**version, "Upload-Length": "1"}),
            await ana.patch(path, headers={**STREAM, "Tus-Resumable": "", **version, "Upload-Offset": "0"}),
            await ana.delete(path, headers=version),
        ):
            assert (answer.status_code, type_of(answer)) == (412, "tus-version-unknown")
            assert answer.headers["Tus-Version"] == "1.0.0"
    assert (await ana.head(path, headers={"Tus-Resumable": "2.0.0"})).status_code == 412
    answer = await ana.patch(path, headers={**TUS, "Upload-Offset": "0"}, content=b"1")
    assert (answer.status_code, type_of(answer)) == (415, "not-offset-stream")
    for offset in ("", "-1", "x", "1e3", "٣", "9" * 30):
        answer = await ana.patch(path, headers={**STREAM, "Upload-Offset": offset.encode()}, content=b"1")
        assert (answer.status_code, type_of(answer)) == (400, "malformed-upload")
    answer = await send(ana, path, 3, b"x")
    assert (answer.status_code, type_of(answer)) == (409, "upload-conflict")
    assert (await head(ana, f"{PATH}/{uuid4()}")).status_code == 404
    answer = await ana.post(path, headers={**TUS, "X-HTTP-Method-Override": "PUT"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Upload-Length": "-1"},
        {"Upload-Length": "5", "Upload-Defer-Length": "1"},
        {"Upload-Defer-Length": "2"},
        {"Upload-Length": "5", "Upload-Concat": "whole"},
        {"Upload-Concat": "final;"},
        {"Upload-Concat": "final;/elsewhere"},
        {"Upload-Length": "5", "Upload-Concat": f"final;{PATH}/{uuid4()}"},
        {"Upload-Length": "5", "Upload-Metadata": "filename not-base64!"},
        {"Upload-Length": "5", "Upload-Metadata": "filename YQ==,filename YQ=="},
        {"Upload-Length": "5", "Upload-Metadata": "filename /w=="},
        {"Upload-Length": "5", "Upload-Metadata": "x " + "a" * 9000},
        {"Upload-Length": "5", "Upload-Metadata": metadata(on_conflict="maybe")},
        {"Upload-Length": "5", "Upload-Metadata": metadata(folder_id="1")},
        {"Upload-Length": "5", "Upload-Metadata": metadata(file_version="one")},
        {"Upload-Length": "5", "Upload-Metadata": metadata(sha256="ABC")},
        {"Upload-Length": "5", "Upload-Checksum": "crc32 AAAA"},
        {"Upload-Length": "5", "Upload-Checksum": "sha1 AAAA"},
    ],
)
async def test_a_malformed_creation_is_refused(ana: Any, headers: dict[str, str]) -> None:
    answer = await ana.post(PATH, headers={**TUS, **headers})
    assert (answer.status_code, type_of(answer)) == (400, "malformed-upload")


async def test_what_could_not_be_kept_is_refused_at_the_beginning(
    ana: Any, ben: Any, upload: Upload, make_folder: MakeFolder
) -> None:
    folder, taken = await make_folder(ben), await upload(ana, "taken.txt")
    for pairs, status, problem in (
        ({"folder_id": folder["id"]}, 404, "container-not-found"),
        ({"filename": "a/b"}, 422, "invalid-name"),
        ({"filename": "taken.txt", "on_conflict": "fail"}, 409, "name-taken"),
        ({"file_id": uuid4()}, 404, "file-not-found"),
        ({"file_id": uuid4(), "sha256": "0" * 64}, 404, "file-not-found"),
        ({"file_id": taken["id"], "file_version": 7}, 412, "stale-version"),
    ):
        answer = await ana.post(PATH, headers={**TUS, "Upload-Length": "5", "Upload-Metadata": metadata(**pairs)})
        assert (answer.status_code, type_of(answer)) == (status, problem)
    answer = await ana.post(PATH, headers={**TUS, "Upload-Length": str(2**61)})
    assert (answer.status_code, type_of(answer)) == (507, "storage-full")


class TestLimits:
    @pytest.fixture
    def environ(self, environ: dict[str, str]) -> dict[str, str]:
        origins = {"CORS__ORIGINS": "https://app.example.org"}
        return {**environ, **origins, "FILES__LARGEST_FILE_BYTES": "1000", "FILES__UPLOADS_OPEN": "2"}

    async def test_limits_are_named_and_other_origins_may_speak_tus(self, ana: Any) -> None:
        answer = await ana.options(PATH, headers={"Origin": "https://app.example.org"})
        assert answer.headers["Tus-Max-Size"] == "1000"
        exposed = answer.headers["Access-Control-Expose-Headers"]
        for name in ("Upload-Offset", "Location", "Upload-Length", "Tus-Version", "Tus-Resumable", "Tus-Max-Size"):
            assert name in exposed
        asked = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "PATCH"}
        answer = await ana.options(f"{PATH}/{uuid4()}", headers=asked)
        assert (answer.status_code, "PATCH" in answer.headers["Access-Control-Allow-Methods"]) == (204, True)
        for name in ("Tus-Resumable", "Upload-Offset", "Upload-Length", "Upload-Metadata", "Upload-Concat"):
            assert name in answer.headers["Access-Control-Allow-Headers"]
        answer = await ana.post(PATH, headers={**TUS, "Upload-Length": "1001"})
        assert (answer.status_code, type_of(answer)) == (413, "file-too-large")
        path = await begin(ana, None)
        answer = await send(ana, path, 0, b"x" * 1001)
        assert (answer.status_code, type_of(answer)) == (413, "file-too-large")
        assert (await head(ana, path)).headers["Upload-Offset"] == "0"
        await begin(ana, 5)
        answer = await ana.post(PATH, headers={**TUS, "Upload-Length": "5"})
        assert (answer.status_code, type_of(answer)) == (409, "too-many-uploads")


async def test_a_quota_is_named_before_the_bytes_and_while_they_come(ana: Any, database: Database) -> None:
    unknown = await begin(ana, None)
    async with database.writing() as session:
        await set_quota(session, UUID(ana.person["id"]), 1000)
    answer = await ana.post(PATH, headers={**TUS, "Upload-Length": "1001"})
    assert (answer.status_code, type_of(answer)) == (413, "quota-exceeded")
    answer = await send(ana, unknown, 0, b"x" * 1001)
    assert (answer.status_code, type_of(answer)) == (413, "quota-exceeded")
    assert (await send(ana, unknown, 0, b"x" * 600)).status_code == 204
    answer = await ana.post(PATH, headers={**TUS, "Upload-Length": "401"})
    assert (answer.status_code, type_of(answer)) == (413, "quota-exceeded")
    late = await begin(ana, 400)
    assert (await send(ana, unknown, 600, b"y" * 300, Upload_Length="900")).status_code == 204
    answer = await send(ana, late, 0, b"z" * 400)
    assert (answer.status_code, type_of(answer)) == (413, "quota-exceeded")
    assert (await head(ana, late)).headers["Upload-Offset"] == "0"


async def test_the_first_bytes_may_come_with_the_creation(ana: Any) -> None:
    given = {**STREAM, "Upload-Length": "6", "Upload-Metadata": metadata(name="six.txt")}
    answer = await ana.post(PATH, headers=given, content=b"abc")
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "3")
    answer = await send(ana, answer.headers["Location"], 3, b"def")
    assert (await file_of(ana, answer))["name"] == "six.txt"
    answer = await ana.post(PATH, headers=given, content=b"abcdef")
    assert (await file_of(ana, answer))["name"] == "six (2).txt"
    assert answer.headers["Upload-Offset"] == "6"
    answer = await ana.post(PATH, headers={**given, "Content-Type": "text/plain"}, content=b"abc")
    assert answer.status_code == 415
    answer = await ana.post(PATH, headers={**TUS, "Upload-Length": "0", "Upload-Metadata": metadata(name="none")})
    assert (await file_of(ana, answer))["size_bytes"] == 0


async def test_the_length_may_come_later(ana: Any) -> None:
    path = await begin(ana, None, filename="later.txt")
    assert (await head(ana, path)).headers["Upload-Defer-Length"] == "1"
    assert (await send(ana, path, 0, b"abcdef")).headers["Upload-Offset"] == "6"
    assert (await send(ana, path, 6, b"", Upload_Length="5")).status_code == 413
    assert (await send(ana, path, 6, b"gh", Upload_Length="10")).status_code == 204
    assert (await head(ana, path)).headers["Upload-Length"] == "10"
    assert (await send(ana, path, 8, b"ij", Upload_Length="11")).status_code == 400
    answer = await send(ana, path, 8, b"ij", Upload_Length="10")
    assert (await ana.get(f"{answer.headers['Content-Location']}/content")).content == b"abcdefghij"


async def test_bytes_that_do_not_fit_their_checksum_are_dropped(ana: Any) -> None:
    path = await begin(ana, len(CONTENT))
    half = CONTENT[:1_500_000]
    for algorithm in ("sha1", "sha256", "md5"):
        wrong = base64.b64encode(hashlib.new(algorithm, b"other").digest()).decode()
        answer = await send(ana, path, 0, half, Upload_Checksum=f"{algorithm} {wrong}")
        assert (answer.status_code, type_of(answer)) == (460, "checksum-mismatch")
        assert (await head(ana, path)).headers["Upload-Offset"] == "0"
    right = base64.b64encode(sha1(half).digest()).decode()
    await broken(ana, path, 0, half[:-1], Upload_Checksum=f"sha1 {right}")
    assert (await head(ana, path)).headers["Upload-Offset"] == "0"
    assert (await send(ana, path, 0, half, Upload_Checksum=f"sha1 {right}")).status_code == 204
    answer = await send(ana, path, len(half), CONTENT[len(half) :])
    assert (await file_of(ana, answer))["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    path = await begin(ana, 3, sha256="0" * 64)
    assert (await send(ana, path, 0, b"abc")).status_code == 460
    assert (await head(ana, path)).status_code == 404


async def test_more_than_was_announced_does_not_count(ana: Any) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x" * 1_200_000
        yield b"x" * 1_200_000

    path = await begin(ana, 2_000_000)
    assert (await send(ana, path, 0, b"x" * 2_000_001)).status_code == 413
    answer = await send(ana, path, 0, chunks())
    assert (answer.status_code, type_of(answer)) == (413, "upload-too-long")
    assert (await head(ana, path)).headers["Upload-Offset"] == "0"


async def test_one_of_two_wins_and_the_other_hears_it(ana: Any, parts: Parts) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield CONTENT[5:1_200_000]
        begun.set()
        await go_on.wait()
        yield CONTENT[1_200_000:]

    path = await begin(ana, len(CONTENT))
    await send(ana, path, 0, CONTENT[:5])
    first = asyncio.create_task(send(ana, path, 5, slow()))
    try:
        await begun.wait()
        answer = await send(ana, path, 5, b"other")
        assert (answer.status_code, type_of(answer)) == (423, "upload-busy")
        assert (await ana.delete(path, headers=TUS)).status_code == 423
        assert (await head(ana, path)).headers["Upload-Offset"] == "5"
        # A claim of a process that died holds nobody up; the file's own lock does, while somebody writes to it.
        async with parts[Database].writing() as session:
            await session.execute(Query(text("UPDATE files.upload SET process = 'commonplace dead'")))
        assert (await send(ana, path, 5, b"other")).status_code == 423
    finally:
        go_on.set()
        late = await first
    assert (late.status_code, type_of(late)) == (409, "upload-conflict")
    assert (await head(ana, path)).headers["Upload-Offset"] == "5"
    answers = await asyncio.gather(*(send(ana, path, 5, CONTENT[5:]) for _ in range(4)))
    assert min(one.status_code for one in answers) == 204
    assert {one.status_code for one in sorted(answers, key=lambda one: one.status_code)[1:]} <= {409, 423}
    assert len((await ana.get("/api/files")).json()["items"]) == 1


async def test_an_upload_can_be_given_up(ana: Any, stored_keys: StoredKeys) -> None:
    path = await begin(ana, len(CONTENT))
    await send(ana, path, 0, CONTENT[:2_000_000])
    assert len(await stored_keys()) == 1
    answer = await ana.delete(path, headers=TUS)
    assert (answer.status_code, answer.headers["Tus-Resumable"]) == (204, "1.0.0")
    assert await stored_keys() == []
    assert (await head(ana, path)).status_code == 404
    assert (await ana.delete(path, headers=TUS)).status_code == 404
    path = await begin(ana, 3)
    await ana.post(path, headers={**STREAM, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}, content=b"ab")
    assert (await head(ana, path)).headers["Upload-Offset"] == "2"
    assert (await ana.post(path, headers={**TUS, "X-HTTP-Method-Override": "DELETE"})).status_code == 204
    assert await stored_keys() == []


async def test_what_waits_too_long_is_removed(ana: Any, parts: Parts, stored_keys: StoredKeys) -> None:
    path, done = await begin(ana, 10), await begin(ana, 1)
    await send(ana, path, 0, b"12345")
    made = await file_of(ana, await send(ana, done, 0, b"1"))
    await _age(parts)
    assert (await head(ana, path)).status_code == 404
    await _tick(parts)
    async with parts[Database].reading() as session:
        assert await session.scalar(Query(text("SELECT count(*) FROM files.upload"))) == 0
    assert len(await stored_keys()) == 1
    assert (await ana.get(f"/api/files/{made['id']}/content")).content == b"1"


async def test_parts_are_put_together(ana: Any, parts: Parts, stored_keys: StoredKeys) -> None:
    third = len(CONTENT) // 3
    paths = [await begin(ana, third, {"Upload-Concat": "partial"}) for _ in range(3)]
    for number, path in enumerate(paths[:2]):
        await send(ana, path, 0, CONTENT[number * third :][:third])
    assert (await head(ana, paths[0])).headers["Upload-Concat"] == "partial"
    final = {**TUS, "Upload-Concat": f"final;{' '.join(paths)}", "Upload-Metadata": metadata(filename="whole.bin")}
    answer = await ana.post(PATH, headers=final)
    assert (answer.status_code, type_of(answer)) == (400, "malformed-upload")
    await send(ana, paths[2], 0, CONTENT[2 * third :])
    assert not (await ana.get("/api/files")).json()["items"]
    answer = await ana.post(PATH, headers={**final, "Content-Type": "application/offset+octet-stream"}, content=b"1")
    assert (answer.status_code, type_of(answer)) == (403, "upload-final")
    answer = await ana.post(PATH, headers=final)
    assert answer.status_code == 201, answer.text
    made = await file_of(ana, answer)
    assert (made["name"], made["sha256"]) == ("whole.bin", hashlib.sha256(CONTENT).hexdigest())
    path = answer.headers["Location"]
    answer = await head(ana, path)
    assert answer.headers["Upload-Concat"] == final["Upload-Concat"]
    assert answer.headers["Upload-Length"] == answer.headers["Upload-Offset"] == str(len(CONTENT))
    answer = await send(ana, path, len(CONTENT), b"1")
    assert (answer.status_code, type_of(answer)) == (403, "upload-final")
    assert (await ana.post(PATH, headers=final)).status_code == 201  # the answer may be lost
    assert await find_faults(parts) == []
    await _age(parts)
    await _tick(parts)
    assert len(await stored_keys()) == 1


async def test_a_file_gets_its_next_version(ana: Any, upload: Upload, told: Told) -> None:
    made = await upload(ana, "letter.txt", b"Dear Ben")
    path = await begin(ana, 8, file_id=made["id"], file_version=1, filename="ignored")
    answer = await send(ana, path, 0, b"Dear Joe")
    changed = await file_of(ana, answer)
    assert (changed["id"], changed["name"], changed["version"]) == (made["id"], "letter.txt", 2)
    assert (await told())[-1] == "file.replaced"
    path = await begin(ana, 4, filename="letter.txt", on_conflict="replace")
    assert (await file_of(ana, await send(ana, path, 0, b"Dear")))["version"] == 3
    path = await begin(ana, 4, filename="other.txt", on_conflict="fail")
    await upload(ana, "other.txt", b"was faster")
    answer = await send(ana, path, 0, b"Dear")
    assert (answer.status_code, type_of(answer)) == (409, "name-taken")
    assert (await head(ana, path)).headers["Upload-Offset"] == "0"


async def test_the_same_bytes_are_stored_once_and_need_not_be_sent(
    ana: Any, ben: Any, upload: Upload, make_folder: MakeFolder, stored_keys: StoredKeys, parts: Parts
) -> None:
    made, digest = await upload(ana, "a.bin", CONTENT), hashlib.sha256(CONTENT).hexdigest()
    path = await begin(ana, len(CONTENT), filename="b.bin")
    await file_of(ana, await send(ana, path, 0, CONTENT))
    assert len(await stored_keys()) == 1
    wanted = {"Upload-Length": str(len(CONTENT)), "Upload-Metadata": metadata(filename="c.bin", sha256=digest)}
    answer = await ana.post(PATH, headers={**TUS, **wanted})
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, str(len(CONTENT)))
    assert (await file_of(ana, answer))["name"] == "c.bin"
    answer = await ana.post(
        PATH, headers={**TUS, **wanted, "Upload-Metadata": metadata(file_id=made["id"], sha256=digest)}
    )
    assert (await file_of(ana, answer))["version"] == 2
    body = {"sha256": digest, "size_bytes": len(CONTENT), "name": "d.bin"}
    answer = await ana.post("/api/files/by-hash", json=body)
    assert answer.status_code == 201
    assert (await ana.get(f"{answer.headers['Location']}/content")).content == CONTENT
    answer = await ana.post("/api/files/by-hash", json={**body, "on_conflict": "replace"})
    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    # What others have, and what nobody has, is answered alike; also in a folder of theirs that one may write to.
    assert (await ben.post(PATH, headers={**TUS, **wanted})).headers["Upload-Offset"] == "0"
    folder = await make_folder(ana)
    await ana.post("/api/shares", json={"item_id": folder["id"], "person_id": ben.person["id"], "level": "edit"})
    assert (await upload(ben, "ben.txt", b"mine", folder_id=folder["id"]))["folder_id"] == folder["id"]
    refusals = [
        (await ben.post("/api/files/by-hash", json=asked)).json()
        for asked in (body, {**body, "sha256": "0" * 64}, {**body, "folder_id": folder["id"]})
    ]
    answers = [{**one, "request_id": ""} for one in refusals]
    assert answers[0]["type"].endswith("content-unknown")
    assert answers[0] == answers[1] == answers[2]
    assert (await ana.post("/api/files/by-hash", json={**body, "size_bytes": 1})).status_code == 404
    shared = metadata(filename="x", sha256=digest, folder_id=folder["id"])
    answer = await ben.post(PATH, headers={**TUS, **wanted, "Upload-Metadata": shared})
    assert answer.headers["Upload-Offset"] == "0"
    # Bytes that are lost have to be sent.
    key = await _key_of(parts, digest)
    await parts[ObjectStorage].delete(key)
    assert (await ana.post("/api/files/by-hash", json=body)).status_code == 404
    await parts[ObjectStorage].put(key, CONTENT)


async def test_a_token_may_do_what_its_scope_says(ana: Any, join: Any) -> None:
    for scope, status in (("files:write", 201), ("files:read", 403), ("tasks:write", 403)):
        answer = await ana.post("/api/auth/tokens", json={"name": scope, "scopes": [scope], "expires_at": None})
        assert answer.status_code == 201, answer.text
        program = await join(None)
        program.http.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        answer = await program.post(PATH, headers={**STREAM, "Upload-Length": "2"}, content=b"ab")
        assert answer.status_code == status
        assert answer.headers["Tus-Resumable"] == "1.0.0"


class TestPieces:
    """Where objects cannot grow each piece is an object of its own: on S3, and where files are encrypted."""

    @pytest.fixture
    def environ(self, environ: dict[str, str]) -> dict[str, str]:
        return {**environ, "FILE_STORAGE__ENCRYPTION_KEY": "ab" * 32}

    async def test_pieces_count_one_by_one_and_are_joined(
        self, ana: Any, parts: Parts, stored_keys: StoredKeys, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(resumable_sink, "PIECE_BYTES", 1024 * 1024)
        path = await begin(ana, len(CONTENT), filename="sealed.bin")
        await broken(ana, path, 0, CONTENT[:1_200_000], CONTENT[1_200_000:1_300_000])
        assert (await head(ana, path)).headers["Upload-Offset"] == "1300000"
        assert len(await stored_keys()) == 2
        right = base64.b64encode(sha1(CONTENT[1_300_000:]).digest()).decode()
        wrong = base64.b64encode(sha1(b"").digest()).decode()
        chunks = [CONTENT[start : start + 600_000] for start in range(1_300_000, len(CONTENT), 600_000)]
        answer = await send(ana, path, 1_300_000, _each(chunks), Upload_Checksum=f"sha1 {wrong}")
        assert answer.status_code == 460
        assert await find_faults(parts) == []
        answer = await send(ana, path, 1_300_000, _each(chunks), Upload_Checksum=f"sha1 {right}")
        made = await file_of(ana, answer)
        assert made["sha256"] == hashlib.sha256(CONTENT).hexdigest()
        assert (await ana.get(f"/api/files/{made['id']}/content")).content == CONTENT
        assert len(await stored_keys()) == 1
        async with parts[Database].reading() as session:
            assert await session.scalar(Query(text("SELECT count(*) FROM files.upload_part"))) == 0

    async def test_bytes_that_are_gone_begin_anew(self, ana: Any, parts: Parts, stored_keys: StoredKeys) -> None:
        path = await begin(ana, len(CONTENT))
        await send(ana, path, 0, CONTENT[:2_000_000])
        await parts[ObjectStorage].delete(*await stored_keys())
        answer = await send(ana, path, 2_000_000, CONTENT[2_000_000:])
        assert (answer.status_code, type_of(answer)) == (404, "upload-not-found")
        assert (await head(ana, path)).status_code == 404
        assert await stored_keys() == []


def _id(path: str) -> Any:
    return UUID(path.rpartition("/")[2])


async def _each(chunks: list[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def _age(parts: Parts) -> None:
    async with parts[Database].writing() as session:
        await session.execute(Query(text("UPDATE files.upload SET expires_at = clock_timestamp() - interval '1 day'")))


async def _tick(parts: Parts) -> None:
    context: Any = SimpleNamespace(parts=parts)
    tick: Any = None
    await resumable_end.remove_uploads(tick, context)


async def _key_of(parts: Parts, digest: str) -> str:
    async with parts[Database].reading() as session:
        key: str = await session.scalar(
            Query(text("SELECT key FROM platform.object WHERE sha256 = decode(:digest, 'hex')")), digest=digest
        )
    return key
