"""`commonplace backup` and `commonplace restore`, as a person runs them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from commonplace import application, startup
from commonplace.cli import main
from commonplace.platform.backup.commands import backup, restore
from commonplace.platform.parts import Parts
from commonplace.settings import Settings

pytestmark = pytest.mark.anyio


class Command:
    """What the command line hands its commands."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def run(self, work: Callable[[Parts], Awaitable[Any]]) -> Any:
        return startup.run(self._settings, work)


async def run(command: Any, settings: Settings, *arguments: str | Path) -> Result:
    def invoke() -> Result:
        return CliRunner().invoke(command, [str(argument) for argument in arguments], obj=Command(settings))

    result = await asyncio.to_thread(invoke)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def settings(source: tuple[Settings, Parts]) -> Settings:
    """Those of the installation that is backed up; it runs meanwhile."""
    return source[0]


async def test_there_and_back(settings: Settings, other_settings: Settings, backup_path: Path) -> None:
    made = await run(backup, settings, backup_path)
    assert made.exit_code == 0
    assert made.output.startswith(f"{backup_path}: 3 objects and ")
    verified = await run(backup, settings, "verify", backup_path)
    assert verified.exit_code == 0
    assert "is whole: 3 objects" in verified.output
    restored = await run(restore, other_settings, backup_path)
    assert restored.exit_code == 0
    assert "Restored: everything is as of 20" in restored.output


async def test_exit_codes_say_what_went_wrong(
    settings: Settings, other_settings: Settings, backup_path: Path, tmp_path: Path
) -> None:
    assert (await run(backup, settings, backup_path)).exit_code == 0
    again = await run(backup, settings, backup_path)
    assert (again.exit_code, "not replaced" in again.output) == (73, True)
    assert (await run(backup, settings, tmp_path / "no" / "where.tar")).exit_code == 74
    assert (await run(backup, settings, "verify", tmp_path / "none.tar")).exit_code == 66
    assert (await run(restore, other_settings, Path(__file__))).exit_code == 65
    running = await run(restore, settings, backup_path)
    assert (running.exit_code, "Stop Commonplace" in running.output) == (75, True)
    backup_path.write_bytes(backup_path.read_bytes()[:-5000])
    assert (await run(restore, other_settings, backup_path)).exit_code == 65


async def test_help_says_how(settings: Settings) -> None:
    shown = await run(backup, settings, "--help")
    assert shown.exit_code == 0
    assert "verify" in shown.output
    assert "Exit codes:" in shown.output


def test_the_application_has_both() -> None:
    assert application.PLATFORM_MIGRATIONS.is_dir()
    listed = CliRunner().invoke(main, ["--help"]).output
    assert "backup" in listed
    assert "restore" in listed
