"""The storage that the settings describe. S3's libraries are loaded only where they are used."""

import os
from datetime import timedelta
from importlib import import_module
from pathlib import Path

from commonplace.platform.storage.local import LocalStorage
from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.platform.storage.settings import StorageSettings, decode_encryption_key
from commonplace.platform.storage.signing import UrlSigner

DEFAULT_FOLDER = "objects"


def build_storage(settings: StorageSettings, data_dir: Path, secret: bytes | UrlSigner) -> ObjectStorage:
    """Compose a storage; nothing is touched before its `start`.

    Args:
        settings: What the operator set.
        data_dir: Where a local storage lies, unless the settings name another directory.
        secret: The installation's secret, which the key of local storage's signed URLs is derived from; or the signer.
    """
    url_lifetime = timedelta(minutes=settings.url_lifetime_minutes)
    if settings.type == "s3":
        storage: ObjectStorage = import_module("commonplace.platform.storage.s3_build").build_s3(
            settings, os.environ, url_lifetime
        )
        return storage
    encryption_key = settings.encryption_key
    return LocalStorage(
        settings.directory or data_dir / DEFAULT_FOLDER,
        signer=secret if isinstance(secret, UrlSigner) else UrlSigner(secret),
        url_lifetime=url_lifetime,
        minimum_free_bytes=settings.minimum_free_bytes,
        encryption_key=decode_encryption_key(encryption_key.get_secret_value()) if encryption_key else None,
    )
