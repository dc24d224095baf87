"""schemathesis reads the OpenAPI document, asks what it allows and forbids, and finds no answer that is not in it.

WebSockets and pages (the first run among them) are not in the document. What else is left out is said below.
"""

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.serving import listening
from tests.visitor import PASSWORD, Join

pytestmark = pytest.mark.anyio

PROGRAM = Path(sys.executable).with_name("schemathesis")
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
TOKENS = "^/api/storage/"  #: nobody can guess a token that is right; the storage's own tests forge some
ALIASES = "^/(auth/|tasks)"  #: the same operations as below /api, by another path
ARCHIVES = "^/api/auth/archives/read-in$"  #: the body is a ZIP, which the fuzzer cannot make; its own tests forge many
ADMINISTRATION = "^/api/auth/(people|audit|invitations)"  #: ana and ben look after nobody: 403
RESUMABLE = "^/api/files/uploads"  #: the tus protocol: what its headers mean no schema says; its own tests forge many
LEFT_OUT = f"{TOKENS}|{ALIASES}|{ARCHIVES}|{RESUMABLE}"
PROVING = "^/api/auth/prove$"  #: it counts wrong passwords, so that a fuzzer locks itself out


def user(name: str) -> dict[str, Any]:
    """How schemathesis signs in, as Web Fuzzing Commons writes it."""
    return {
        "name": name,
        "loginEndpointAuth": {
            "endpoint": "/auth/login",
            "verb": "POST",
            "contentType": "application/json",
            "payloadRaw": json.dumps({"email": f"{name}@example.org", "password": PASSWORD}),
            "token": {
                "extractFrom": "body",
                "extractSelector": "/access_token",
                "sendIn": "header",
                "sendName": "Authorization",
                "sendTemplate": "Bearer {token}",
            },
        },
    }


async def assert_nothing_is_found(app: Any, join: Join, directory: Path, *options: str, leaving_out: str) -> None:
    users = directory / "users.json"
    users.write_text(json.dumps({"auth": [user("ana"), user("ben")]}))
    document = (await (await join("ana")).get("/openapi.json")).json()
    await join("ben")
    async with listening(app) as address:
        process = await asyncio.create_subprocess_exec(
            str(PROGRAM),
            f"--config-file={CONFIGURATION}",
            "run",
            f"{address.replace('127.0.0.1', 'localhost')}/openapi.json",  # browsers make no passkeys for an IP address
            "--continue-on-failure",
            "--generation-database=none",
            "--no-color",
            f"--exclude-path-regex={leaving_out}",
            *options,
            cwd=directory,
            env={"USERS_FILE": str(users)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
    report = output.decode()
    assert process.returncode == 0, report
    refused = re.findall(r"- [A-Z]+ (/\S+)", report.partition("Authentication failed")[2].partition("💡")[0])
    assert all(re.search(ADMINISTRATION, path) for path in refused), report
    tested = [path for path, item in document["paths"].items() for _ in item if not re.search(leaving_out, path)]
    assert f"Tested: {len(tested)}\n" in report, report


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_schemathesis_finds_nothing(app: Any, join: Join, tmp_path: Path) -> None:
    await assert_nothing_is_found(
        app, join, tmp_path, "--max-examples=20", "--seed=1", leaving_out=f"{LEFT_OUT}|{PROVING}"
    )
