"""What a start says when the schema cannot be brought up."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from commonplace import application, startup
from commonplace.platform.database.address import Address
from commonplace.settings import Settings


class OwnServer:
    """Stands for the lease on the embedded server: its schema is ours to change."""


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ({"extra_1": "SELECT 1 / 0"}, "division by zero"),
        ({"extra_1": "SELECT 1", "extra_2a": "SELECT 1", "extra_2b": "SELECT 1"}, "two heads"),
    ],
)
def test_a_schema_that_cannot_be_brought_up_is_told_in_words(
    empty_database: Address,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    steps: dict[str, str],
    said: str,
) -> None:
    folder = tmp_path / "extra"
    folder.mkdir()
    for name, statement in steps.items():
        down = None if name == "extra_1" else "extra_1"
        (folder / f"{name}.py").write_text(
            f"from alembic import op\nrevision = {name!r}\ndown_revision = {down!r}\n"
            f"branch_labels = {None if down else ('extra',)!r}\ndepends_on = None\n"
            f"def upgrade():\n    op.execute({statement!r})\n\ndef downgrade():\n    op.execute('SELECT 1')\n"
        )
    locations = (*application.migration_locations(settings), folder)

    async def there(*_arguments: Any) -> None:
        """The database is there already."""

    monkeypatch.setattr(application, "migration_locations", lambda _settings: locations)
    monkeypatch.setattr(startup, "ensure_database", there)
    lease: Any = OwnServer()
    with pytest.raises(startup.SchemaNotRaised, match=rf"left as it was(?s:.)*{said}"):
        asyncio.run(startup.bring_up(settings, empty_database, lease))
