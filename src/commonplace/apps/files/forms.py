"""Reading `multipart/form-data` part by part, straight from the network: no part is kept, in memory or on disk.

At most one chunk of the network's is held; whoever reads a part's bytes slowly slows the sender down.
"""

from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from commonplace.apps.files.errors import MalformedUpload

_LONGEST_FIELD: Final = 4096  #: bytes of a part that is no file
_END: Final = b""


class Part:
    """One part of a form: its name, its file name when it is a file, and its bytes, to be read once."""

    __slots__ = ("_form", "file_name", "name")

    def __init__(self, form: "Form", name: str, file_name: str | None) -> None:
        self._form = form
        self.name = name
        self.file_name = file_name

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The part's bytes as they arrive, in chunks of any size but none empty."""
        while (chunk := await self._form.next_chunk()) is not None:
            yield chunk

    async def text(self) -> str:
        """The value of a part that is a field.

        Raises:
            MalformedUpload: it is longer than a field may be, or is not UTF-8.
        """
        value = b""
        async for chunk in self:
            value += chunk
            if len(value) > _LONGEST_FIELD:
                raise MalformedUpload(f"The field “{self.name}” is longer than {_LONGEST_FIELD} bytes.")
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise MalformedUpload(f"The field “{self.name}” is not UTF-8.") from None


class Form:
    """A form that is being received. `async for part in form`: each part is read, or skipped, before the next."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        """Begin to read `body`, as its `Content-Type` describes it.

        Raises:
            MalformedUpload: it names no boundary, or one that cannot be.
        """
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if not boundary:
            raise MalformedUpload("The Content-Type multipart/form-data needs a boundary.")
        self._body = body
        self._events: deque[Part | bytes] = deque()
        self._header_name = self._header_value = b""
        self._headers: dict[bytes, bytes] = {}
        self._has_ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise MalformedUpload(f"The form's boundary cannot be: {error}.") from error

    async def __aiter__(self) -> AsyncIterator[Part]:
        """The parts in the order in which they were sent.

        Raises:
            MalformedUpload: the body is no form, or ends too early.
        """
        while await self._fill():
            event = self._events.popleft()
            if isinstance(event, Part):
                yield event
        if not self._has_ended:
            raise MalformedUpload("The form ends before its last boundary.")

    async def next_chunk(self) -> bytes | None:
        """The next bytes of the part that is being read; None at its end."""
        if not await self._fill():
            raise MalformedUpload("The form ends in the middle of a part.")
        event = self._events[0]
        if isinstance(event, Part):  # the part before was read to its end already
            return None
        self._events.popleft()
        return event or None

    async def _fill(self) -> bool:
        """See that there is an event; False at the end of the body."""
        while not self._events:
            try:
                chunk = await anext(self._body)
            except StopAsyncIteration:
                return False
            try:
                self._parser.write(chunk)
            except FormParserError as error:
                raise MalformedUpload(f"The form cannot be read: {error}.") from error
        return True

    def _on_part_begin(self) -> None:
        self._headers = {}
        self._header_name = self._header_value = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name, file_name = options.get(b"name", b""), options.get(b"filename")
        self._events.append(Part(self, _text(name), None if file_name is None else _text(file_name)))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(data[start:end])

    def _on_part_end(self) -> None:
        self._events.append(_END)

    def _on_end(self) -> None:
        self._has_ended = True


def _text(value: bytes) -> str:
    """A name out of a header: UTF-8, as browsers and curl write it, with the three escapes of browsers undone.

    Raises:
        MalformedUpload: it is not UTF-8.
    """
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise MalformedUpload("A name in the form is not UTF-8.") from None
    return text.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
