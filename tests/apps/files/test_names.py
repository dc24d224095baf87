"""Names that people give, and what is left of them: everything, or a clear refusal."""

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonplace.apps.files.errors import InvalidName
from commonplace.apps.files.names import LONGEST_NAME, checked_name, numbered_file, numbered_folder
from commonplace.platform.media.serving import disposition_of
from tests.apps.files.conftest import MakeFolder, Upload

KEPT = [
    "plain.txt",
    "🏞️ Ausflug 👨‍👩‍👧.jpg",
    "تقرير نهائي.pdf",
    "a\u202ecod.exe",
    "CON",
    "nul.txt",
    "COM1.log",
    "trailing dot.",
    " leading and trailing ",
    "...",
    ".bashrc",
    "-rf",
    "100%.txt",
    "a;b,c.txt",
    "quote ' back` $HOME.txt",
    "tilde~",
    "e\u0301.txt",
    "x" * 255,
    "€" * 85,
    "😀" * 63,
    "<img src=x onerror=alert(1)>.html",
]
REFUSED = {
    "": "at least one character",
    "   ": "at least one character",
    ".": "mean folders",
    "..": "mean folders",
    "a/b.txt": "parts folders",
    "../../etc/passwd": "parts folders",
    "a\\b.txt": "parts folders",
    "a\0b.txt": "U+0000",
    "a\nb": "U+000A",
    "a\x7fb": "U+007F",
    "a\x85b": "U+0085",
    "a\u2028b": "U+2028",
    "x" * 256: "255 bytes",
    "€" * 86: "255 bytes of UTF-8 at most; this one has 258",
    "half \ud800": "half a character",
}


@pytest.mark.anyio
@pytest.mark.usefixtures("whole")
class TestOverHttp:
    async def test_odd_names_are_kept_as_they_were_sent(
        self, ana: Any, upload: Upload, make_folder: MakeFolder
    ) -> None:
        for name in KEPT:
            made = await upload(ana, name, name.encode())
            assert made["name"] == name
            assert (await ana.get(f"/api/files/{made['id']}")).json()["name"] == name
            disposition = (await ana.get(f"/api/files/{made['id']}/content")).headers["Content-Disposition"]
            assert disposition.isascii()
            if "filename*=" in disposition:
                assert unquote(disposition.rpartition("''")[2]) == name
        folder = await make_folder(ana, "Ordner 📁")
        assert folder["name"] == "Ordner 📁"
        listed = [file["name"] for file in (await ana.get("/api/files")).json()["items"]]
        assert listed == sorted(KEPT)

    async def test_a_form_keeps_them_too(self, ana: Any) -> None:
        for name in KEPT:
            body = 'Content-Disposition: form-data; name="file"; filename="' + name.replace('"', "%22") + '"'
            answer = await ana.post(
                "/api/files",
                content=f"--b\r\n{body}\r\n\r\nx\r\n--b--\r\n".encode(),
                headers={"Content-Type": "multipart/form-data; boundary=b"},
            )
            assert answer.status_code == 201, name
            assert answer.json()["name"] == name

    @pytest.mark.parametrize("name", [name for name in REFUSED if name.isprintable() or name.isascii()])
    async def test_impossible_names_are_refused_with_the_reason(self, ana: Any, upload: Upload, name: str) -> None:
        made = await upload(ana, "a.txt")
        answers = [
            await ana.patch(f"/api/files/{made['id']}", json={"name": name}),
            await ana.post("/api/folders", json={"name": name}),
        ]
        if name:
            answers.append(await ana.post("/api/files", params={"name": name}, content=b"x"))
        for answer in answers:
            assert answer.status_code == 422, answer.text
            if answer.json()["type"] == "/problems/invalid-name":
                assert REFUSED[name] in answer.json()["detail"]
        assert [file["name"] for file in (await ana.get("/api/files")).json()["items"]] == ["a.txt"]

    async def test_half_a_character_in_json_is_refused(self, ana: Any) -> None:
        answer = await ana.post(
            "/api/folders", content=b'{"name": "half \\ud800"}', headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422

    async def test_a_name_that_is_no_utf_8_is_refused(self, ana: Any) -> None:
        answer = await ana.post(
            "/api/files",
            content=b'--b\r\nContent-Disposition: form-data; name="file"; filename="\xff\xfe"\r\n\r\nx\r\n--b--\r\n',
            headers={"Content-Type": "multipart/form-data; boundary=b"},
        )
        assert answer.status_code == 400
        assert "UTF-8" in answer.json()["detail"]


class TestCheckedName:
    @pytest.mark.parametrize("name", KEPT)
    def test_keeps_what_can_be_kept(self, name: str) -> None:
        assert checked_name(name) == name

    @pytest.mark.parametrize(("name", "reason"), REFUSED.items())
    def test_says_why_it_refuses(self, name: str, reason: str) -> None:
        with pytest.raises(InvalidName, match=r"(?s).*") as caught:
            checked_name(name)
        assert reason in caught.value.detail


class TestNumbered:
    @pytest.mark.parametrize(
        ("name", "numbered"),
        [
            ("a.txt", "a (2).txt"),
            ("a", "a (2)"),
            (".bashrc", ".bashrc (2)"),
            ("a.tar.gz", "a (2).tar.gz"),
            ("a (2).txt", "a (2) (2).txt"),
            ("trailing.", "trailing. (2)"),
            (f"a.{'x' * 30}", f"a.{'x' * 30} (2)"),
            ("x" * 251 + ".txt", "x" * 247 + " (2).txt"),
            ("€" * 85, "€" * 83 + " (2)"),
        ],
    )
    def test_the_number_stands_before_the_extension(self, name: str, numbered: str) -> None:
        assert numbered_file(name, 2) == numbered

    def test_a_folder_has_no_extension(self) -> None:
        assert numbered_folder("v1.2", 2) == "v1.2 (2)"

    @given(st.text(min_size=1, max_size=255), st.integers(2, 2**24))
    def test_whatever_may_be_a_name_stays_one(self, name: str, number: int) -> None:
        try:
            checked_name(name)
        except InvalidName:
            return
        other = numbered_file(name, number)
        assert len(other.encode()) <= LONGEST_NAME
        assert f"({number})" in other
        assert checked_name(other) == other


class TestDisposition:
    @given(st.text(max_size=80))
    def test_no_name_breaks_out_of_the_header(self, name: str) -> None:
        if any("\ud800" <= character <= "\udfff" for character in name):
            return
        value = disposition_of(name, "image/png")
        assert value.isascii()
        assert value.isprintable()
        plain = value.removeprefix('inline; filename="').partition('"')[0]
        assert "\\" not in plain
        assert value.count('"') == 2

    def test_what_could_run_is_an_attachment(self) -> None:
        assert disposition_of("a.png", "image/png") == 'inline; filename="a.png"'
        assert disposition_of("a.png", "image/png", as_download=True) == 'attachment; filename="a.png"'
        for media_type in ("text/html", "image/svg+xml", "application/pdf", "application/xhtml+xml", "text/xml"):
            assert disposition_of("a", media_type).startswith("attachment;")
