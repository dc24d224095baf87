"""The process that reads pictures comes when there is work, leaves when there is none, and may die alone."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest

from commonplace.platform.media import process
from commonplace.platform.media.process import Media
from commonplace.platform.media.rendering import Rendered
from commonplace.platform.media.settings import MediaSettings
from tests.platform.media.pictures import encoded, noise, quarters

pytestmark = pytest.mark.anyio

JPEG = encoded(quarters(), "JPEG")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(JPEG)
    return path


@pytest.fixture
async def media() -> AsyncIterator[Media]:
    media = Media(MediaSettings())
    yield media
    await media.close()


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(10):
        while not condition():
            await anyio.sleep(0.005)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def warm(media: Media, picture: Path) -> int:
    """Have a process started; return its id."""
    assert (await media.describe_and_render(picture, picture.parent)).state == "done"
    return media._idle[0]._process.pid


async def stopped_at_work(media: Media, picture: Path) -> "tuple[int, asyncio.Task[Rendered]]":
    """A process that has a job and will not do it."""
    pid = await warm(media, picture)
    os.kill(pid, signal.SIGSTOP)
    task = asyncio.create_task(media.describe_and_render(picture, picture.parent))
    await until(lambda: bool(media._busy))
    return pid, task


def stand_in(tmp_path: Path, body: str) -> tuple[list[str], Callable[[], int]]:
    """A command in place of the child, and how often it was started. `body` runs when a job has come."""
    program = tmp_path / "child.py"
    runs = tmp_path / "runs"
    runs.touch()
    start = f"import os, signal, struct, sys\nopen({str(runs)!r}, 'a').write('.')\nos.read(0, 4)\n"
    program.write_text(start + textwrap.dedent(body))
    return [sys.executable, str(program)], lambda: len(runs.read_text())


async def test_no_process_is_started_without_a_picture(media: Media, tmp_path: Path) -> None:
    for name, content in {
        "a.txt": b"text",
        "b.pdf": b"%PDF-1.7",
        "c": b"",
        "d.bmp": encoded(quarters(), "BMP"),
    }.items():
        (tmp_path / name).write_bytes(content)
        assert (await media.describe_and_render(tmp_path / name, tmp_path, name=name)).state == "none"

    assert not media._idle
    assert not media._busy


async def test_one_process_serves_many_pictures(media: Media, picture: Path) -> None:
    first = await warm(media, picture)

    assert await warm(media, picture) == first


async def test_a_process_without_work_leaves(picture: Path) -> None:
    media = Media(MediaSettings(idle_seconds=0.05))
    first = await warm(media, picture)
    await until(lambda: not is_running(first))
    second = await warm(media, picture)
    await media.close()

    assert second != first
    assert not is_running(second)


async def test_a_process_is_replaced_after_many_pictures(
    media: Media, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_JOBS_PER_CHILD", 2)
    first = await warm(media, picture)
    await media.describe_and_render(picture, picture.parent)
    await until(lambda: not is_running(first))

    assert not media._idle


async def test_a_process_killed_at_work_is_replaced_and_the_picture_rendered(media: Media, picture: Path) -> None:
    pid, task = await stopped_at_work(media, picture)
    os.kill(pid, signal.SIGKILL)
    rendered = await task

    assert rendered.state == "done"
    assert media._idle[0]._process.pid != pid


async def test_a_process_that_died_idle_is_replaced(media: Media, picture: Path) -> None:
    pid = await warm(media, picture)
    os.kill(pid, signal.SIGKILL)

    assert await warm(media, picture) != pid


async def test_a_process_known_to_be_dead_costs_no_attempt(media: Media, picture: Path, tmp_path: Path) -> None:
    os.kill(await warm(media, picture), signal.SIGKILL)
    await until(lambda: media._idle[0].is_gone)
    media._command, runs = stand_in(tmp_path, "sys.exit(3)")
    await media.describe_and_render(picture, tmp_path)

    assert runs() == 2


@pytest.mark.parametrize(
    ("death", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "Killed"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "Segmentation fault"),
        ("os.kill(os.getpid(), signal.SIGABRT)", "Aborted"),
        ("sys.exit(3)", "exit code 3"),
        ("os.write(1, b'not a message'); sys.exit(0)", "exit code 0"),
        ("os.write(1, struct.pack('>I', 2**31)); sys.stdin.read()", "exit code 0"),
        ("os.write(1, struct.pack('>I', 4) + b'[1]]'); sys.stdin.read()", "exit code 0"),
    ],
)
async def test_a_picture_that_kills_every_process_is_given_up(
    media: Media, picture: Path, tmp_path: Path, death: str, words: str
) -> None:
    media._command, runs = stand_in(tmp_path, death)
    rendered = await media.describe_and_render(picture, tmp_path)

    assert (rendered.state, rendered.reason_code, rendered.may_pass) == ("failed", "crashed", False)
    assert rendered.reason is not None
    assert words in rendered.reason
    assert runs() == 2


async def test_an_abort_for_want_of_memory_is_told_as_such(media: Media, picture: Path, tmp_path: Path) -> None:
    death = "sys.stderr.write('GLib-ERROR: failed to allocate 999 bytes'); sys.stderr.flush(); os.abort()"
    media._command, _ = stand_in(tmp_path, death)

    assert (await media.describe_and_render(picture, tmp_path)).reason_code == "too_much_memory"


async def test_a_program_that_is_not_there_is_a_result(media: Media, picture: Path, tmp_path: Path) -> None:
    media._command = [str(tmp_path / "nothing")]
    rendered = await media.describe_and_render(picture, tmp_path)

    assert (rendered.state, rendered.reason_code, rendered.may_pass) == ("failed", "interrupted", True)


async def test_a_picture_that_takes_too_long_is_given_up(media: Media, picture: Path) -> None:
    pid = await warm(media, picture)
    os.kill(pid, signal.SIGSTOP)
    patient = media._settings
    media._settings = patient.model_copy(update={"timeout_seconds": 0.2})
    rendered = await media.describe_and_render(picture, picture.parent)
    await until(lambda: not is_running(pid))
    media._settings = patient
    after = await media.describe_and_render(picture, picture.parent)

    assert rendered.state == "failed"
    assert rendered.reason == "timeout: Reading it took longer than the limit of 0.2 seconds."
    assert after.state == "done"


async def test_too_much_processor_time_is_not_tried_twice(media: Media, picture: Path, tmp_path: Path) -> None:
    media._command, runs = stand_in(tmp_path, "os.kill(os.getpid(), signal.SIGXCPU)")
    rendered = await media.describe_and_render(picture, tmp_path)

    assert (rendered.reason_code, runs()) == ("timeout", 1)


async def test_pictures_wait_in_the_order_they_came(media: Media, picture: Path) -> None:
    pid, first = await stopped_at_work(media, picture)
    finished: list[int] = []
    tasks = [first]
    for number in range(5):
        tasks.append(asyncio.create_task(media.describe_and_render(picture, picture.parent)))
        tasks[-1].add_done_callback(lambda _, number=number: finished.append(number))  # type: ignore[misc]
        await until(lambda: len(media._turns._waiters or ()) == len(tasks) - 1)
    os.kill(pid, signal.SIGCONT)
    results = await asyncio.gather(*tasks)

    assert {result.state for result in results} == {"done"}
    assert finished == [0, 1, 2, 3, 4]
    assert len(media._idle) == 1


async def test_more_processes_work_side_by_side(tmp_path: Path, picture: Path) -> None:
    media = Media(MediaSettings(processes=2))
    pid, stuck = await stopped_at_work(media, picture)
    beside = await media.describe_and_render(picture, tmp_path)
    os.kill(pid, signal.SIGCONT)
    assert (await stuck).state == "done"
    await media.close()

    assert beside.state == "done"


async def test_a_caller_who_gives_up_takes_the_process_along(media: Media, picture: Path) -> None:
    pid, task = await stopped_at_work(media, picture)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not is_running(pid))

    assert (await media.describe_and_render(picture, picture.parent)).state == "done"


async def test_closing_interrupts_the_work_and_those_who_wait(media: Media, picture: Path) -> None:
    pid, at_work = await stopped_at_work(media, picture)
    waiting = asyncio.create_task(media.describe_and_render(picture, picture.parent))
    await media.close()
    results = [await at_work, await waiting, await media.describe_and_render(picture, picture.parent)]

    assert [(result.state, result.reason_code, result.may_pass) for result in results] == [
        ("failed", "interrupted", True)
    ] * 3
    assert not is_running(pid)
    assert not media._endings


async def test_a_source_that_is_gone_is_a_result(media: Media, tmp_path: Path) -> None:
    rendered = await media.describe_and_render(tmp_path / "nothing", tmp_path)

    assert (rendered.state, rendered.reason_code) == ("failed", "source_missing")


async def test_a_source_that_goes_while_it_waits_is_a_result(media: Media, picture: Path) -> None:
    pid, task = await stopped_at_work(media, picture)
    picture.unlink()
    os.kill(pid, signal.SIGCONT)

    assert (await task).reason_code == "source_missing"


async def test_a_directory_that_cannot_be_written_to_is_a_result(media: Media, picture: Path, tmp_path: Path) -> None:
    rendered = await media.describe_and_render(picture, tmp_path / "nothing")

    assert rendered.state == "failed"


async def test_output_beyond_its_limit_is_a_result(picture: Path, tmp_path: Path) -> None:
    media = Media(MediaSettings(max_output_megabytes=1))
    picture.write_bytes(encoded(noise(2048, 1500), "PNG", compress_level=1))
    rendered = await media.describe_and_render(picture, tmp_path)
    await media.close()

    assert (rendered.state, rendered.reason_code) == ("failed", "no_space")


async def test_the_process_is_poor(media: Media, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No secrets, no core file, little memory, low priority, first to go when memory is short."""
    monkeypatch.setenv("JWT__SECRET_KEY", "a-secret")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    proc = Path(f"/proc/{await warm(media, picture)}")
    limits = {line[:25].strip(): line[25:].split()[0] for line in (proc / "limits").read_text().splitlines()[1:]}
    environment = (proc / "environ").read_bytes()

    assert b"a-secret" not in environment
    assert b"LC_ALL=C.UTF-8" in environment
    assert limits["Max core file size"] == "0"
    assert limits["Max data size"] == "700000000"
    assert limits["Max file size"] == "64000000"
    assert int(limits["Max cpu time"]) <= 33
    assert (proc / "stat").read_text().rpartition(")")[2].split()[16] == "10"
    assert (proc / "oom_score_adj").read_text() == "500\n"
    assert "NoNewPrivs:\t1" in (proc / "status").read_text()


async def test_the_process_loads_no_web_framework(media: Media, picture: Path) -> None:
    maps = Path(f"/proc/{await warm(media, picture)}/maps").read_text()

    assert "libvips" in maps
    assert not [module for module in ("pydantic_core", "asyncpg", "uvloop", "httptools") if module in maps]


def test_the_process_ends_with_the_server(tmp_path: Path, picture: Path) -> None:
    server = textwrap.dedent(f"""
        import asyncio
        from pathlib import Path
        from commonplace.platform.media.process import Media
        from commonplace.platform.media.settings import MediaSettings
        async def main():
            media = Media(MediaSettings())
            await media.describe_and_render(Path({str(picture)!r}), Path({str(tmp_path)!r}))
            print(media._idle[0]._process.pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """)
    with subprocess.Popen([sys.executable, "-c", server], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        pid = int(running.stdout.readline())
        os.kill(pid, signal.SIGSTOP)  # It cannot even notice that its input is closed.
        running.kill()

    async def gone() -> None:
        await until(lambda: not is_running(pid))

    asyncio.run(gone())


def test_it_works_on_the_plain_event_loop(picture: Path) -> None:
    async def main() -> Rendered:
        media = Media(MediaSettings())
        rendered = await media.describe_and_render(picture, picture.parent)
        await media.close()
        return rendered

    assert asyncio.run(main()).state == "done"
