"""Documents for tests, made of what their formats ask for and no more."""

from collections.abc import Sequence


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
