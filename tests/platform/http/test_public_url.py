"""What links in mails begin with."""

import pytest

from commonplace.platform.http.public_url import PublicUrl


@pytest.mark.parametrize(
    ("public_url", "host", "port", "base"),
    [
        (None, "127.0.0.1", 8000, "http://127.0.0.1:8000"),
        (None, "0.0.0.0", 80, "http://127.0.0.1:80"),  # noqa: S104 - compared with
        ("", "::", 8000, "http://127.0.0.1:8000"),
        (None, "fd00::1", 8000, "http://[fd00::1]:8000"),
        ("https://cloud.example/", "0.0.0.0", 8000, "https://cloud.example"),  # noqa: S104
    ],
)
def test_it_comes_from_the_settings(public_url: str | None, host: str, port: int, base: str) -> None:
    assert PublicUrl.of(public_url, host, port).to("/app/x") == base + "/app/x"
