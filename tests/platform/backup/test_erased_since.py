"""Whoever left after a backup was made does not come back with it."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from commonplace.platform.backup.making import make_backup
from commonplace.platform.backup.restoring import restore
from commonplace.platform.database.session import Database
from commonplace.platform.leaving import erasing, erasures
from commonplace.platform.leaving.ledger import Ledger
from commonplace.platform.parts import Parts
from commonplace.platform.storage.protocol import ObjectStorage
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio


async def test_a_restore_erases_again_whom_the_ledger_names(
    app: Any,
    ana: Visitor,
    ben: Visitor,
    parts: Parts,
    other_parts: Parts,
    backup_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for visitor in (ana, ben):
        made = await visitor.post("/api/files", params={"name": "secret.txt"}, content=b"known to one")
        assert made.status_code == 201
    await make_backup(parts, backup_path)

    assert ana.person is not None
    ana_id = UUID(ana.person["id"])
    async with parts[Database].writing() as session:
        asked = await erasures.ask(session, ana_id, asked_by="server", by_id=None, waiting=timedelta())
        assert await erasures.begin(session, asked.row.id)

    async def dies(*_: Any) -> None:
        raise RuntimeError("The process died.")

    with monkeypatch.context() as patched:
        patched.setattr(erasing, "_remove_bytes", dies)
        with pytest.raises(RuntimeError):
            await erasing.erase(parts, asked.row.id)
    receipt = await erasing.erase(parts, asked.row.id)  # it goes on, and counts nothing twice
    assert {name: receipt.removed[name] for name in ("items.file", "objects", "stored_files", "items.person")} == {
        "items.file": 1,
        "objects": 1,
        "stored_files": 1,
        "items.person": 1,
    }

    with parts[Ledger].path.open("a") as ledger:
        ledger.write('{"kind":"commonplace-era')  # the last line of a ledger whose disk was full
    restored = await restore(other_parts, backup_path, ledgers=[parts[Ledger].path], say=lambda _line: None)
    assert restored.erased == 1
    async with other_parts[Database].reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM accounts.account")) == 1
        assert await session.scalar(text("SELECT count(*) FROM platform.item WHERE kind = 'file'")) == 1
        owners = await session.all(text("SELECT owner_id FROM platform.object"))
        assert [row.owner_id for row in owners] == [UUID((ben.person or {})["id"])]
    stored = [info.key async for info in other_parts[ObjectStorage].list() if not info.key.startswith("backups/")]
    assert len(stored) == 1
    assert set(await other_parts[Ledger].entries()) == {ana_id}  # from now on it is known here, too
