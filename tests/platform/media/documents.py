"""Documents for tests, made of what their formats ask for and no more."""

import io
import tarfile
import zipfile
from collections.abc import Sequence
from typing import Literal


def pdf(
    *pages: str,
    information: str = "",
    kids: Sequence[str] | None = None,
    count: int | None = None,
    extra: Sequence[bytes] = (),
    size: str = "0 0 300 200",
) -> bytes:
    """A PDF with a line of text on each page; `kids` and `count` may lie. `extra` are further objects."""
    contents = [f"BT /F1 18 Tf 20 100 Td ({text}) Tj ET".encode() for text in pages]
    first = 4
    numbers = [first + 2 * number for number in range(len(pages))]
    references = kids if kids is not None else [f"{number} 0 R" for number in numbers]
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{' '.join(references)}]/Count {len(pages) if count is None else count}"
        f"/MediaBox[{size}]>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for number, content in zip(numbers, contents, strict=True):
        objects.append(
            f"<</Type/Page/Parent 2 0 R/Contents {number + 1} 0 R/Resources<</Font<</F1 3 0 R>>>>>>".encode()
        )
        objects.append(stream(content))
    objects.extend(extra)
    objects.append(f"<<{information}>>".encode())
    body, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = b"".join(f"{place:010} 00000 n \n".encode() for place in places)
    trailer = f"<</Size {len(objects) + 1}/Root 1 0 R/Info {len(objects)} 0 R>>"
    return (
        body
        + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
        + table
        + f"trailer\n{trailer}\nstartxref\n{len(body)}\n%%EOF\n".encode()
    )


def stream(content: bytes, entries: str = "") -> bytes:
    """The stream object of a PDF."""
    return f"<</Length {len(content)}{entries}>>stream\n".encode() + content + b"\nendstream"


_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_TEXT = 'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
_CORE = (
    '<p:coreProperties xmlns:p="x" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The sea</dc:title>'
    "<dc:creator>Ana</dc:creator></p:coreProperties>"
)


def packed(parts: dict[str, str | bytes], *, stored: bool = False) -> bytes:
    """A zip archive of these parts."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            entry = zipfile.ZipInfo(name, (2026, 5, 1, 12, 0, 0))
            archive.writestr(entry, data, zipfile.ZIP_STORED if name == "mimetype" or stored else zipfile.ZIP_DEFLATED)
    return content.getvalue()


def _types(main: str) -> str:
    return (
        f'<Types><Override PartName="/x" ContentType="application/vnd.openxmlformats-officedocument.{main}"/></Types>'
    )


def docx(*paragraphs: str, head: str = "", **parts: str | bytes) -> bytes:
    """A Word document; `head` comes before its root."""
    text = "".join(f"<w:p><w:r><w:t>{paragraph}</w:t></w:r></w:p>" for paragraph in paragraphs)
    return packed(
        {
            "[Content_Types].xml": _types("wordprocessingml.document.main+xml"),
            "word/document.xml": f'{head}<w:document xmlns:w="{_WORD}"><w:body>{text}</w:body></w:document>',
            "docProps/core.xml": _CORE,
            "docProps/app.xml": "<Properties><Pages>3</Pages></Properties>",
            **parts,
        }
    )


def xlsx() -> bytes:
    """A workbook with a shared text, a number and a text in the cell."""
    rows = (
        '<row><c t="s"><v>0</v></c><c><v>12.5</v></c></row>'
        '<row><c t="inlineStr"><is><t>salt</t></is></c><c t="s"><v>99</v></c></row>'
    )
    return packed(
        {
            "[Content_Types].xml": _types("spreadsheetml.sheet.main+xml"),
            "xl/workbook.xml": f'<workbook xmlns="{_SHEET}"><sheets><sheet name="Pantry"/></sheets></workbook>',
            "xl/sharedStrings.xml": f'<sst xmlns="{_SHEET}"><si><t>bread</t></si></sst>',
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_SHEET}"><sheetData>{rows}</sheetData></worksheet>',
        }
    )


def pptx(*slides: str) -> bytes:
    """A presentation of slides with a line each."""
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": _types("presentationml.presentation.main+xml"),
        "ppt/presentation.xml": "<presentation/>",
    }
    for number, slide in enumerate(slides, 1):
        text = f"<a:p><a:r><a:t>{slide}</a:t></a:r></a:p>"
        parts[f"ppt/slides/slide{number}.xml"] = f'<p:sld xmlns:p="p" xmlns:a="{_DRAWING}">{text}</p:sld>'
    return packed(parts)


def odt(text: str, kind: str = "text") -> bytes:
    """An OpenDocument with these paragraphs, as XML."""
    return packed(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"<content {_TEXT}>{text}</content>",
            "meta.xml": '<meta xmlns:dc="dc"><dc:title>The sea</dc:title><document-statistic page-count="2"/></meta>',
        }
    )


def epub(*chapters: str, cover: bytes = b"") -> bytes:
    """A book."""
    items = "".join(f'<item id="c{n}" href="text/c%20{n}.xhtml"/>' for n in range(len(chapters)))
    order = "".join(f'<itemref idref="c{n}"/>' for n in reversed(range(len(chapters))))
    parts: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container><rootfile full-path="OPS/book.opf"/></container>',
        "OPS/book.opf": '<package xmlns:dc="dc"><metadata><dc:title>Moby</dc:title><dc:language>en</dc:language>'
        f'</metadata><manifest>{items}<item id="i" href="a.jpg" properties="cover-image"/></manifest>'
        f"<spine>{order}</spine></package>",
        "OPS/a.jpg": cover,
    }
    for number, chapter in enumerate(chapters):
        parts[f"OPS/text/c {number}.xhtml"] = (
            f"<!DOCTYPE html><html><head><style>a</style></head><p>{chapter}</p></html>"
        )
    return packed(parts)


def tar(names: Sequence[str], form: Literal["", "gz", "bz2", "xz"] = "", size: int = 5) -> bytes:
    """A tar archive, compressed or not."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=f"w:{form}") as archive:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = size, 1_770_000_000
            archive.addfile(entry, io.BytesIO(bytes(size)))
    return content.getvalue()
