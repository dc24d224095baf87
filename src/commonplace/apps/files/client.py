"""A client of a running Commonplace, for the command line: requests, sessions, and paths of folders and files.

It speaks HTTP and nothing else, so that it works from another machine just as well.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import click
import httpx

TOKEN_VARIABLE: Final = "COMMONPLACE_TOKEN"  # noqa: S105 - the variable's name
_TRIES: Final = 5
_LONGEST_WAIT_SECONDS: Final = 30.0
_PAGE: Final = 200
_TEMPORARY: Final = frozenset({429, 502, 503, 504})


class Refused(Exception):
    """The server said no; the message is its explanation."""

    def __init__(self, message: str, *, problem: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.status = status  #: of the answer; 0: there was none
        self.problem = problem  #: the type of the problem document, without its path


class NotThere(Refused):
    """There is nothing of this name in a folder."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is nothing named “{name}” here.")


class SignedOut(Refused):
    """There is no session with this server, or it has ended."""

    def __init__(self, server: str) -> None:
        super().__init__(f"Not signed in to {server}. Run `commonplace sign-in`, or set {TOKEN_VARIABLE}.")


class Sessions:
    """The sessions of this person with servers, in one file that nobody else may read."""

    def __init__(self, folder: Path | None = None) -> None:
        self._path = (folder or Path(click.get_app_dir("commonplace"))) / "sessions.json"

    def of(self, server: str) -> dict[str, str] | None:
        """The tokens for a server; None when there is no session."""
        return self._all().get(server)

    def latest(self) -> str | None:
        """The server of the session that was begun or refreshed last; None when there is no session."""
        return next(reversed(self._all()), None)

    def keep(self, server: str, tokens: dict[str, str] | None) -> None:
        """Remember the tokens for a server; None forgets them."""
        sessions = self._all()
        sessions.pop(server, None)
        if tokens is not None:
            sessions[server] = {name: tokens[name] for name in ("access_token", "refresh_token")}
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._path.with_name(f".{self._path.name}.{uuid4().hex}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(sessions, file)
        fresh.replace(self._path)

    def _all(self) -> dict[str, dict[str, str]]:
        try:
            known: dict[str, dict[str, str]] = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise Refused(f"{self._path} cannot be read ({error}). Remove it and sign in again.") from error
        return known


class Client:
    """Requests to one server by one person. Temporary troubles are waited out, a token that expired is replaced."""

    def __init__(
        self,
        server: str,
        *,
        sessions: Sessions,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.server = server.rstrip("/")
        self._sessions = sessions
        self._pause = pause
        self._http = httpx.Client(
            base_url=self.server, transport=transport, timeout=httpx.Timeout(60.0, read=600.0), follow_redirects=True
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def sign_in(self, email: str, password: str) -> None:
        """Begin a session and keep its tokens.

        Raises:
            Refused: the password is wrong, or signing in is not possible just now.
        """
        answer = self._send("POST", "/auth/login", headers={}, json={"email": email, "password": password})
        self._sessions.keep(self.server, _checked(answer).json())

    def sign_out(self) -> None:
        """End the session here and at the server."""
        tokens = self._sessions.of(self.server)
        if tokens is not None:
            with contextlib.suppress(Refused):
                _checked(
                    self._send("POST", "/auth/logout", headers={}, json={"refresh_token": tokens["refresh_token"]})
                )
            self._sessions.keep(self.server, None)

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: Callable[[], Iterator[bytes]] | None = None,
        **options: Any,
    ) -> httpx.Response:
        """The answer to a request. `body` is called again for each try, so that it begins anew.

        Unsafe requests carry an `Idempotency-Key`: what is tried again happens once.

        Raises:
            SignedOut: there is no session.
            Refused: the server said no.
        """
        headers = dict(headers or {})
        if method != "GET":
            headers["Idempotency-Key"] = uuid4().hex
        answer = self._send(method, path, headers={**headers, **self._authorization()}, body=body, **options)
        if answer.status_code == httpx.codes.UNAUTHORIZED and self._renew():
            answer = self._send(method, path, headers={**headers, **self._authorization()}, body=body, **options)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise SignedOut(self.server)
        return _checked(answer)

    def once(
        self, method: str, path: str, *, headers: dict[str, str], body: Callable[[], Iterator[bytes]] | None = None
    ) -> httpx.Response:
        """The answer to a request that is not to be repeated as it is.

        Raises:
            SignedOut: there is no session.
            Refused: the server said no.
            httpx.TransportError: the connection broke; what became of the request is not known.
        """
        for is_second in (False, True):
            content = None if body is None else body()
            answer = self._http.request(method, path, content=content, headers={**headers, **self._authorization()})
            if answer.status_code != httpx.codes.UNAUTHORIZED or is_second or not self._renew():
                break
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise SignedOut(self.server)
        return _checked(answer)

    @contextlib.contextmanager
    def download(self, path: str, *, headers: dict[str, str] | None = None) -> Iterator[httpx.Response]:
        """The answer to a GET whose body is read bit by bit.

        Raises:
            SignedOut: there is no session.
            Refused: the server said no.
            httpx.TransportError: the connection broke.
        """
        answer = self._begin(path, headers or {})
        try:
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                raise SignedOut(self.server)
            yield _checked(answer)
        finally:
            answer.close()

    def _begin(self, path: str, headers: dict[str, str]) -> httpx.Response:
        """The answer to a GET, its body unread unless it is an error's."""
        is_renewed = False
        for attempt in range(1, _TRIES + 1):
            request = self._http.build_request("GET", path, headers={**headers, **self._authorization()})
            answer = self._http.send(request, stream=True, follow_redirects=True)
            if not answer.is_error:
                break
            answer.read()
            if answer.status_code == httpx.codes.UNAUTHORIZED and not is_renewed and self._renew():
                is_renewed = True
            elif answer.status_code in _TEMPORARY and attempt < _TRIES:
                self._wait(answer)
            else:
                break
        return answer

    def pages(self, path: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Every entry of a list, page by page."""
        after = None
        while True:
            given = {**parameters, "limit": _PAGE} | ({} if after is None else {"after": after})
            page = self.request("GET", path, params=given).json()
            yield from page["items"]
            after = page["next"]
            if after is None:
                return

    def _authorization(self) -> dict[str, str]:
        token = os.environ.get(TOKEN_VARIABLE)
        if token is None:
            tokens = self._sessions.of(self.server)
            if tokens is None:
                raise SignedOut(self.server)
            token = tokens["access_token"]
        return {"Authorization": f"Bearer {token}"}

    def _renew(self) -> bool:
        """Get the next access token; whether there is one."""
        tokens = self._sessions.of(self.server)
        if tokens is None or TOKEN_VARIABLE in os.environ:
            return False
        answer = self._send("POST", "/auth/refresh", headers={}, json={"refresh_token": tokens["refresh_token"]})
        if answer.is_error:
            self._sessions.keep(self.server, None)
            return False
        self._sessions.keep(self.server, answer.json())
        return True

    def _send(
        self, method: str, path: str, *, body: Callable[[], Iterator[bytes]] | None = None, **options: Any
    ) -> httpx.Response:
        for attempt in range(1, _TRIES + 1):
            try:
                answer = self._http.request(method, path, content=None if body is None else body(), **options)
            except httpx.TransportError as error:
                if attempt == _TRIES:
                    reason = str(error) or type(error).__name__
                    raise Refused(f"{self.server} cannot be reached: {reason}. Is it running?") from error
                self._pause(0.2 * 2**attempt)
                continue
            if answer.status_code not in _TEMPORARY or attempt == _TRIES:
                return answer
            self._wait(answer)
        raise AssertionError  # pragma: no cover - the loop returns or raises

    def _wait(self, answer: httpx.Response) -> None:
        wait = answer.headers.get("Retry-After", "1")
        self._pause(min(float(wait) if wait.isdigit() else 1.0, _LONGEST_WAIT_SECONDS))

    def pause(self, seconds: float) -> None:
        """Wait before something is tried again."""
        self._pause(seconds)


class Drive:
    """Folders and files by their paths, such as `Photos/2026/harbour.jpg`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def folder_id(self, path: str, *, make: bool = False) -> str | None:
        """The id of a folder; None for the top level. With `make` what is missing is made.

        Raises:
            Refused: there is no such folder.
        """
        folder_id: str | None = None
        for name in _segments(path):
            if make:
                folder_id = self.folder_in(folder_id, name)
            else:
                folder_id = self._named("/api/folders", name, **_where("parent_id", folder_id))["id"]
        return folder_id

    def folder_in(self, parent_id: str | None, name: str) -> str:
        """The id of a folder in another (None: at the top level), which is made where it is missing.

        Raises:
            Refused: there is a file of this name, or the server said no.
        """
        body = {"name": name, "parent_id": parent_id}
        made: str = self._client.request("POST", "/api/folders?on_conflict=reuse", json=body).json()["id"]
        return made

    def file(self, path: str) -> dict[str, Any]:
        """The file at a path, or with an id.

        Raises:
            Refused: there is none.
        """
        if _is_id(path):
            found: dict[str, Any] = self._client.request("GET", f"/api/files/{path}").json()
            return found
        *folders, name = _segments(path) or [""]
        return self._named("/api/files", name, **_where("folder_id", self.folder_id("/".join(folders))))

    def entry(self, path: str) -> tuple[str, dict[str, Any]]:
        """The file or folder at a path, with the address of its kind: `/api/files` or `/api/folders`.

        Raises:
            Refused: there is none.
        """
        try:
            return "/api/files", self.file(path)
        except Refused as no_file:
            *folders, name = _segments(path) or [""]
            try:
                parent_id = self.folder_id("/".join(folders))
                return "/api/folders", self._named("/api/folders", name, **_where("parent_id", parent_id))
            except Refused:
                raise no_file from None

    def children(self, folder_id: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
        """What lies in a folder (None: at the top level): `folder` or `file`, and the entry. Folders come first."""
        for entry in self._client.pages("/api/folders", **_where("parent_id", folder_id)):
            yield "folder", entry
        for entry in self._client.pages("/api/files", **_where("folder_id", folder_id)):
            yield "file", entry

    def below(self, folder_id: str | None, place: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
        """All that lies in a folder at any depth: its path in the folder, its kind, and the entry."""
        waiting = [(place, folder_id)]
        while waiting:
            inside, container = waiting.pop()
            for kind, entry in self.children(container):
                path = f"{inside}/{entry['name']}" if inside else entry["name"]
                yield path, kind, entry
                if kind == "folder":
                    waiting.append((path, entry["id"]))

    def _named(self, path: str, name: str, **parameters: Any) -> dict[str, Any]:
        for entry in self._client.pages(path, **parameters, sort="name"):
            if entry["name"] == name:
                return entry
        raise NotThere(name)


def _segments(path: str) -> list[str]:
    return [name for name in path.split("/") if name]


def _where(parameter: str, folder_id: str | None) -> dict[str, str]:
    return {} if folder_id is None else {parameter: folder_id}


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _checked(answer: httpx.Response) -> httpx.Response:
    if not answer.is_error:
        return answer
    try:
        document = answer.json()
        problem = document["type"].rpartition("/")[2]
        raise Refused(document["detail"], problem=problem, status=answer.status_code)
    except (ValueError, KeyError, TypeError):
        told = f"The server answered {answer.status_code}; is this a Commonplace?"
        raise Refused(told, status=answer.status_code) from None
