"""What a `User-Agent` is told as."""

import pytest

from commonplace.apps.accounts.user_agents import program_of, without_versions

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "told"),
    [
        (FIREFOX, "Firefox on Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/126.0.0.0 Safari/537.36", "Chrome on Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/126.0 Safari/537.36 Edg/126.0", "Edge on Windows"),
        (f"Mozilla/5.0 (Linux; Android 14; K) {WEBKIT} Chrome/126.0 Mobile Safari/537.36", "Chrome on Android"),
        (f"{IPHONE} Version/17.5 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
        (f"{IPHONE} CriOS/126.0 Mobile/15E148 Safari/604.1", "Chrome on iPhone"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/17.4 Safari/605.1.15", "Safari on Mac"),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0)", "Browser on ChromeOS"),
        ("python-httpx/0.27.0", "python-httpx"),
        ("curl/8.5.0", "curl"),
        ("rclone/v1.66", "rclone"),
        ("", "An unknown program"),
        ("Mozilla/5.0", "An unknown program"),
        ("visit evil.example now", "visit"),
        ("evil.example/1.0", "An unknown program"),  # a mail would make a link of it
        ("<script>alert(1)</script>", "An unknown program"),
        ("=cmd|' /C calc'!A0", "An unknown program"),
    ],
)
def test_it_is_told_in_words_that_people_know(user_agent: str, told: str) -> None:
    assert str(program_of(user_agent)) == told


def test_an_update_leaves_it_the_same() -> None:
    assert without_versions(FIREFOX) == without_versions(FIREFOX.replace("128", "129"))
    assert without_versions("curl/8.5.0") == without_versions("curl/8.10") != without_versions("wget/8.10")
