"""What earlier releases left behind: this one brings it up to date, and answers all that was answered then."""

import json
from pathlib import Path
from typing import Any

import pytest

from commonplace.platform.backup.restoring import restore
from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from commonplace.platform.storage.objects import ObjectUses
from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.platform.storage.sweep import sweep
from tests.releases.freeze import ANSWERS, BACKUP, HERE, told
from tests.visitor import PASSWORD

pytestmark = pytest.mark.anyio
RELEASES = sorted(path for path in HERE.iterdir() if (path / BACKUP).exists())
#: What tells of the moment in which it is asked, and not of what is kept.
_OF_NOW = {"next"}


def changed(then: Any, now: Any, where: str = "") -> list[str]:
    """Where an answer lacks, or contradicts, what was answered then. What was added since is no matter."""
    if isinstance(then, dict) and isinstance(now, dict):
        return [
            fault
            for name, value in then.items()
            if name not in _OF_NOW
            for fault in (changed(value, now[name], f"{where}.{name}") if name in now else [f"{where}.{name} is gone"])
        ]
    if isinstance(then, list) and isinstance(now, list):
        if not where.endswith(".items"):  # what can be chosen may grow; what is kept is neither less nor more
            return [f"{where} lacks {old!r}" for old in then if not any(changed(old, new) == [] for new in now)]
        if len(then) != len(now):
            return [f"{where} has {len(now)} entries, and had {len(then)}"]
        pairs = zip(then, now, strict=True)
        return [fault for number, (old, new) in enumerate(pairs) for fault in changed(old, new, f"{where}[{number}]")]
    return [] if then == now else [f"{where} is {now!r}, and was {then!r}"]


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
async def test_everything_is_there_and_answers_as_it_did(release: Path, other_parts: Parts, serve_other: Any) -> None:
    restored = await restore(other_parts, release / BACKUP, say=lambda _line: None)
    assert restored.damaged == 0
    async with serve_other() as client:
        for person, answers in json.loads((release / ANSWERS).read_text()).items():
            signed_in = await client.post("/auth/login", json={"email": f"{person}@example.org", "password": PASSWORD})
            assert signed_in.status_code == 200, signed_in.text
            headers = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
            for path, then in answers.items():
                answer = await client.get(path, headers=headers)
                assert answer.status_code == 200, (path, answer.text)
                assert changed(then, told(answer.content, answer.headers["content-type"]), path) == []
        report = await sweep(client.parts[ObjectStorage], client.parts[Database], client.parts[ObjectUses])
        assert (report.faults, report.strangers.number) == (0, 0)


def test_what_is_missing_or_another_is_noticed() -> None:
    then = {"items": [{"id": "1", "name": "a"}], "next": None}
    assert changed(then, {"items": [{"id": "1", "name": "a", "tags": []}], "next": "c", "more": 1}) == []
    assert changed(then, {"items": [{"id": "1"}]}) == [".items[0].name is gone"]
    assert changed(then, {"items": []}) == [".items has 0 entries, and had 1"]
    assert changed(then, {"items": [{"id": "2", "name": "a"}]}) == [".items[0].id is '2', and was '1'"]
    assert changed({"kinds": [1, 2]}, {"kinds": [0, 2, 1]}) == []
    assert changed({"kinds": [1, 2]}, {"kinds": [1]}) == [".kinds lacks 2"]
