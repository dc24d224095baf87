"""The signer against the examples that AWS publishes (S3 API reference, "Authenticating Requests")."""

from datetime import UTC, datetime, timedelta

from commonplace.platform.storage.sigv4 import Credentials, Signer

EXAMPLE = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
NOW = datetime(2013, 5, 24, tzinfo=UTC)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
HOST = "https://examplebucket.s3.amazonaws.com"
signer = Signer(EXAMPLE, "us-east-1")


def signature_of(authorization: str) -> str:
    return authorization.rpartition("Signature=")[2]


def test_a_request_with_a_header() -> None:
    headers = signer.headers(
        "GET", f"{HOST}/test.txt", query={}, headers={"Range": "bytes=0-9"}, payload_sha256=EMPTY, now=NOW
    )
    assert "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date," in headers["authorization"]
    assert signature_of(headers["authorization"]) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"


def test_a_request_with_a_query() -> None:
    headers = signer.headers(
        "GET", f"{HOST}/", query={"prefix": "J", "max-keys": "2"}, headers={}, payload_sha256=EMPTY, now=NOW
    )
    assert signature_of(headers["authorization"]) == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"


def test_a_request_with_an_empty_parameter() -> None:
    headers = signer.headers("GET", f"{HOST}/", query={"lifecycle": ""}, headers={}, payload_sha256=EMPTY, now=NOW)
    assert signature_of(headers["authorization"]) == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"


def test_a_url() -> None:
    url = signer.url("GET", f"{HOST}/test.txt", query={}, headers={}, lifetime=timedelta(days=1), now=NOW)
    assert url == (
        f"{HOST}/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


def test_temporary_credentials_bring_their_token_along() -> None:
    temporary = Signer(Credentials("AK", "SK", session_token="to/ken="), "us-east-1")
    headers = temporary.headers("GET", f"{HOST}/", query={}, headers={}, payload_sha256=EMPTY, now=NOW)
    assert headers["x-amz-security-token"] == "to/ken="
    assert "x-amz-security-token," in headers["authorization"]
    url = temporary.url("GET", f"{HOST}/a", query={}, headers={}, lifetime=timedelta(minutes=1), now=NOW)
    assert "X-Amz-Security-Token=to%2Fken%3D" in url
