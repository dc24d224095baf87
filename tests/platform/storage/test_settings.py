"""The settings of storage, and the storage they lead to."""

import base64
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from commonplace.platform.storage.build import build_storage
from commonplace.platform.storage.local import LocalStorage
from commonplace.platform.storage.s3 import S3Storage
from commonplace.platform.storage.settings import StorageSettings, decode_encryption_key

S3 = {"type": "s3", "bucket": "photos", "access_key_id": "AK", "secret_access_key": "SK"}


@pytest.mark.parametrize(("spelling", "kind"), [("Local", "local"), ("S3", "s3"), ("s3", "s3"), ("LOCAL", "local")])
def test_the_type_is_taken_in_any_case(spelling: str, kind: str) -> None:
    assert StorageSettings(type=spelling, bucket="photos").type == kind


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"type": "ftp"}, "'local' or 's3'"),
        ({"type": "s3"}, "needs BUCKET"),
        ({"type": "s3", "bucket": ""}, "needs BUCKET"),
        ({**S3, "secret_access_key": None}, "go together"),
        ({"url_lifetime_minutes": 0}, "greater than or equal to 1"),
        ({"url_lifetime_minutes": 10_081}, "less than or equal to 10080"),
        ({"minimum_free_bytes": -1}, "greater than or equal to 0"),
        ({"encryption_key": "too short"}, "needs 32 bytes"),
        ({"dirctory": "/x"}, "Extra inputs"),
    ],
)
def test_what_cannot_work_is_refused(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        StorageSettings(**values)


@pytest.mark.parametrize(
    "text",
    [
        bytes(range(224, 256)).hex(),
        bytes(range(224, 256)).hex().upper(),
        base64.b64encode(bytes(range(224, 256))).decode(),
        base64.urlsafe_b64encode(bytes(range(224, 256))).decode(),
    ],
)
def test_an_encryption_key_may_be_written_in_several_ways(text: str) -> None:
    assert decode_encryption_key(text) == bytes(range(224, 256))


def test_an_empty_encryption_key_is_none() -> None:
    assert StorageSettings(encryption_key="").encryption_key is None


def test_a_secret_is_not_shown() -> None:
    settings = StorageSettings(**S3, encryption_key="ab" * 32)
    assert "SK" not in repr(settings)
    assert "abab" not in repr(settings)


@pytest.mark.anyio
async def test_without_settings_objects_lie_in_the_data_directory(tmp_path: Path) -> None:
    async with build_storage(StorageSettings(minimum_free_bytes=0), tmp_path, b"secret") as storage:
        assert isinstance(storage, LocalStorage)
        await storage.put("files/a.txt", b"here")
    assert (tmp_path / "objects/files/a.txt").read_bytes() == b"here"


@pytest.mark.anyio
async def test_another_directory_can_be_set(tmp_path: Path) -> None:
    settings = StorageSettings(minimum_free_bytes=0, directory=tmp_path / "elsewhere")
    async with build_storage(settings, tmp_path / "data", b"secret") as storage:
        await storage.put("files/a.txt", b"here")
    assert (tmp_path / "elsewhere/files/a.txt").exists()
    assert not (tmp_path / "data").exists()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({}, "https://photos.s3.us-east-1.amazonaws.com/files/a?"),
        ({"region": "eu-central-1"}, "https://photos.s3.eu-central-1.amazonaws.com/files/a?"),
        ({"bucket": "photos.example.org"}, "https://s3.us-east-1.amazonaws.com/photos.example.org/files/a?"),
        ({"endpoint_url": "http://10.0.0.5:8333/"}, "http://10.0.0.5:8333/photos/files/a?"),
        (
            {"endpoint_url": "http://seaweed:8333", "public_endpoint_url": "https://s3.example.org"},
            "https://s3.example.org/photos/files/a?",
        ),
    ],
)
async def test_signed_urls_of_s3_point_to_the_bucket_as_browsers_reach_it(
    tmp_path: Path, changes: dict[str, Any], start: str
) -> None:
    async with build_storage(StorageSettings(**{**S3, **changes}), tmp_path, b"secret") as storage:
        assert isinstance(storage, S3Storage)
        assert (await storage.sign_read("files/a")).url.startswith(start)


@pytest.mark.anyio
async def test_the_lifetime_of_urls_is_a_setting(tmp_path: Path) -> None:
    async with build_storage(StorageSettings(**S3, url_lifetime_minutes=5), tmp_path, b"secret") as storage:
        assert "X-Amz-Expires=300&" in (await storage.sign_read("files/a")).url
        assert "X-Amz-Expires=7&" in (await storage.sign_read("files/a", lifetime=timedelta(seconds=7))).url
