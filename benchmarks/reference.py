"""REF2: what a Python server can do at all. A raw ASGI application on granian, asyncpg, and the token in a dictionary.

It has the same rows and answers the same bytes, and does nothing else: no request id, no limits, no history. Started by
`python -m benchmarks.reference PORT DSN TOKEN`.
"""

import os
import sys
from typing import Any

import asyncpg

GET = """
SELECT json_build_object('id', id, 'name', name, 'folder_id', null, 'size_bytes', size_bytes, 'media_type', media_type,
 'sha256', sha256, 'version', 1, 'created_at', created_at, 'updated_at', created_at,
 'processing', json_build_object('state', 'none', 'reason', null, 'width', null, 'height', null, 'taken_at', null))::text
FROM file WHERE id = $1 AND owner = $2
"""
LIST = "SELECT id, name, size_bytes, media_type, sha256, created_at FROM file WHERE owner = $1 ORDER BY name LIMIT 50"
LIST_JSON = f"SELECT json_build_object('items', json_agg(row), 'next', null)::text FROM ({LIST}) AS row"
CREATE = "INSERT INTO file (name, owner, size_bytes, media_type, sha256) VALUES ($1, $2, 0, '', '') RETURNING id::text"
SETUP = """
CREATE TABLE file (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), owner text NOT NULL, name text NOT NULL,
 size_bytes bigint NOT NULL, media_type text NOT NULL, sha256 text NOT NULL, created_at timestamptz DEFAULT now());
CREATE INDEX ON file (owner, name);
INSERT INTO file (owner, name, size_bytes, media_type, sha256)
 SELECT 'ana', 'IMG_' || n || '.jpg', n, 'image/jpeg', encode(sha256(n::text::bytea), 'hex') FROM generate_series(1, 1000) n
"""

_state: dict[str, Any] = {}


async def _open_pool() -> None:
    async def keep(_connection: Any) -> None:
        return None

    _state["pool"] = await asyncpg.create_pool(os.environ["REF_DSN"], min_size=5, max_size=5, reset=keep)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer `/get/{id}`, `/list` and `POST /create`."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await _open_pool()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    authorization = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    owner = _state.setdefault("tokens", {f"Bearer {os.environ['REF_TOKEN']}".encode(): "ana"}).get(authorization)
    status, body = 401, b""
    if owner is not None:
        pool = _state["pool"]
        path = scope["path"]
        if path.startswith("/get/"):
            async with pool.acquire() as connection:
                body = (await connection.fetchval(GET, path[5:], owner)).encode()
        elif path == "/list":
            async with pool.acquire() as connection:
                body = (await connection.fetchval(LIST_JSON, owner)).encode()
        else:
            content = b""
            while True:
                message = await receive()
                content += message.get("body", b"")
                if not message.get("more_body"):
                    break
            async with pool.acquire() as connection:
                body = (await connection.fetchval(CREATE, content.decode(), owner)).encode()
        status = 200
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    from granian.constants import Interfaces, Loops
    from granian.server import Server

    os.environ["REF_DSN"], os.environ["REF_TOKEN"] = sys.argv[2], sys.argv[3]
    Server(
        "benchmarks.reference:app",
        port=int(sys.argv[1]),
        interface=Interfaces.ASGI,
        workers=2,
        loop=Loops.uvloop,
        log_enabled=False,
    ).serve()
