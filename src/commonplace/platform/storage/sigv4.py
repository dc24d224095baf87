"""AWS Signature Version 4 for S3: what obstore cannot sign.

That is: URLs with conditions (the answer's media type and disposition, an upload's length and type), and the requests
of a multipart upload. Keys contain no character that needs escaping (see `keys.py`), so paths are signed as they are.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who signs."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None
    expires_at: datetime | None = None  #: `None`: they do not expire


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for one region with one set of credentials."""

    credentials: Credentials
    region: str

    def headers(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        payload_sha256: str,
        now: datetime,
    ) -> dict[str, str]:
        """`headers` and those that sign them, the URL, the query and a body with that hexadecimal SHA-256."""
        signed = {**headers, "x-amz-date": _stamp(now), "x-amz-content-sha256": payload_sha256}
        if self.credentials.session_token:
            signed["x-amz-security-token"] = self.credentials.session_token
        names, signature = self._signature(method, url, query, signed, payload_sha256, now)
        return {
            **signed,
            "authorization": f"{ALGORITHM} Credential={self.credentials.access_key_id}/{self._scope(now)}, "
            f"SignedHeaders={names}, Signature={signature}",
        }

    def url(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        lifetime: timedelta,
        now: datetime,
    ) -> str:
        """`url` with a signature that lasts for `lifetime`; a request must carry exactly these `headers`."""
        names = ";".join(sorted({"host", *(name.lower() for name in headers)}))
        signed = {
            **query,
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": f"{self.credentials.access_key_id}/{self._scope(now)}",
            "X-Amz-Date": _stamp(now),
            "X-Amz-Expires": str(int(lifetime.total_seconds())),
            "X-Amz-SignedHeaders": names,
        }
        if self.credentials.session_token:
            signed["X-Amz-Security-Token"] = self.credentials.session_token
        _, signature = self._signature(method, url, signed, headers, UNSIGNED_PAYLOAD, now)
        return f"{url}?{query_string(signed)}&X-Amz-Signature={signature}"

    def _signature(
        self,
        method: str,
        url: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        payload_sha256: str,
        now: datetime,
    ) -> tuple[str, str]:
        """The names of the signed headers, and the signature."""
        parts = urlsplit(url)
        values = {name.lower(): " ".join(value.split()) for name, value in headers.items()} | {"host": parts.netloc}
        names = ";".join(sorted(values))
        request = "\n".join(
            [
                method,
                parts.path or "/",
                query_string(query),
                *(f"{name}:{values[name]}" for name in sorted(values)),
                "",
                names,
                payload_sha256,
            ]
        )
        text = "\n".join([ALGORITHM, _stamp(now), self._scope(now), hashlib.sha256(request.encode()).hexdigest()])
        key = b"AWS4" + self.credentials.secret_access_key.encode()
        for step in self._scope(now).split("/"):
            key = hmac.digest(key, step.encode(), hashlib.sha256)
        return names, hmac.digest(key, text.encode(), hashlib.sha256).hex()

    def _scope(self, now: datetime) -> str:
        return f"{now:%Y%m%d}/{self.region}/s3/aws4_request"


def query_string(query: Mapping[str, str]) -> str:
    """The query in the one form that is signed: sorted, every reserved character escaped."""
    return "&".join(f"{name}={value}" for name, value in sorted((_escape(n), _escape(v)) for n, v in query.items()))


def _escape(text: str) -> str:
    return quote(text, safe="-_.~")


def _stamp(now: datetime) -> str:
    return f"{now:%Y%m%dT%H%M%SZ}"
