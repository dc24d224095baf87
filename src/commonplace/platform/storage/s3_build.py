"""The S3 storage that the settings describe."""

from collections.abc import Mapping
from datetime import timedelta

from commonplace.platform.storage.credentials import CredentialSource
from commonplace.platform.storage.s3 import S3Storage
from commonplace.platform.storage.s3_bucket import BucketAddress
from commonplace.platform.storage.settings import StorageSettings
from commonplace.platform.storage.sigv4 import Credentials


def build_s3(settings: StorageSettings, environment: Mapping[str, str], url_lifetime: timedelta) -> S3Storage:
    """Compose the storage; `environment` may hold AWS's own variables for credentials."""
    if settings.bucket is None:
        raise ValueError("FILE_STORAGE__TYPE=s3 needs FILE_STORAGE__BUCKET.")
    given = None
    if settings.access_key_id and settings.secret_access_key:
        given = Credentials(settings.access_key_id, settings.secret_access_key.get_secret_value())
    address = BucketAddress(
        bucket=settings.bucket,
        region=settings.region,
        endpoint_url=settings.endpoint_url,
        public_endpoint_url=settings.public_endpoint_url,
        kms_key_id=settings.kms_key_id,
        timeout_seconds=settings.request_timeout_seconds,
        max_attempts=settings.max_attempts,
    )
    return S3Storage(address, CredentialSource(given, environment), url_lifetime=url_lifetime)
