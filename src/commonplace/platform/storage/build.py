"""The storage that the settings describe. S3's libraries are loaded only where they are used."""

import os
from datetime import timedelta
from importlib import import_module
from pathlib import Path

from commonplace.platform.storage import local_keys
from commonplace.platform.storage.encryption import KeyRing
from commonplace.platform.storage.local import LocalStorage
from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.platform.storage.settings import StorageSettings
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
    return LocalStorage(
        directory_of(settings, data_dir),
        signer=secret if isinstance(secret, UrlSigner) else UrlSigner(secret),
        url_lifetime=url_lifetime,
        minimum_free_bytes=settings.minimum_free_bytes,
        encryption_key=settings.current_key,
        previous_encryption_keys=settings.previous_keys,
    )


def directory_of(settings: StorageSettings, data_dir: Path) -> Path:
    """Where a local storage lies."""
    return settings.directory or data_dir / DEFAULT_FOLDER


def fault_of_keys(settings: StorageSettings, data_dir: Path) -> str | None:
    """Why what is stored cannot be read with the keys that are set; None: it can, as far as is known here."""
    if settings.type != "local":
        return None
    root = directory_of(settings, data_dir)
    try:
        known = local_keys.known(root)
    except OSError:
        return None  # the storage says so itself, and why
    return local_keys.fault(root, known, KeyRing(settings.current_key, settings.previous_keys))
