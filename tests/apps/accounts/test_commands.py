"""`commonplace user`: what is done for people on the command line."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from commonplace import application
from commonplace.apps.accounts.commands import user
from commonplace.apps.accounts.key_commands import keys
from commonplace.platform.errors import Problem
from commonplace.platform.parts import Parts

from .conftest import PASSWORD, SetClock, sign_in

Run = Callable[..., Result]


class Installation:
    """What the command line hands to its commands."""

    def __init__(self, settings: Any, apps: Any) -> None:
        self._settings, self._apps = settings, apps

    def run(self, work: Callable[[Parts], Awaitable[Any]]) -> Any:
        async def opened() -> Any:
            parts = application.compose(self._settings, self._settings.database_address, self._apps)
            async with application.opened(parts, self._apps):
                return await work(parts)

        try:
            return asyncio.run(opened())
        except Problem as problem:
            raise click.ClickException(str(problem)) from problem


@pytest.fixture
def run(settings: Any, apps: Any) -> Run:
    installation = Installation(settings, apps)

    def command(*words: str, password: str | None = None) -> Result:
        arguments = [*words] if password is None else [*words, "--password-stdin"]
        return CliRunner().invoke(user, arguments, input=password, obj=installation)

    return command


def listed(run: Run) -> list[dict[str, Any]]:
    people: list[dict[str, Any]] = json.loads(run("list", "--json").stdout)
    return people


def test_it_makes_administrators_and_users(run: Run) -> None:
    made = run("create", "ana@example.org", "--admin", "--name", "Ana", password=PASSWORD + "\n")
    assert (made.exit_code, made.stdout) == (0, "Made ana@example.org, an administrator.\n")
    assert run("create", "jürgen@bücher.example", password=PASSWORD + "\r\n").exit_code == 0
    assert [(one["email"], one["name"], one["role"], one["state"]) for one in listed(run)] == [
        ("ana@example.org", "Ana", "administrator", "active"),
        ("jürgen@bücher.example", "jürgen", "user", "active"),
    ]
    assert "jürgen@bücher.example  jürgen  user" in run("list").stdout


def test_without_people_the_list_says_so(run: Run) -> None:
    assert run("list").stdout == "There is no account yet.\n"
    assert listed(run) == []


IMPOSSIBLE: list[tuple[list[str], str | None, str]] = [
    (["create", "ana@example.org"], PASSWORD, "There is an account with this address already"),
    (["create", "no-address"], PASSWORD, "no e-mail address"),
    (["create", "b@example.org"], "short", "too short"),
    (["create", "b@example.org"], "", "too short"),
    (["reset-password", "who@example.org"], PASSWORD, "no account with the address who@example.org"),
    (["reset-password", "ana@example.org"], "short", "too short"),
    (["suspend", "who@example.org"], None, "no account with the address"),
    (["set-role", "who@example.org", "user"], None, "no account with the address"),
    (["set-role", "ana@example.org", "king"], None, "is not one of"),
]


def test_what_cannot_be_is_one_line_and_an_exit_code(run: Run) -> None:
    assert run("create", "ana@example.org", password=PASSWORD).exit_code == 0
    for words, password, says in IMPOSSIBLE:
        refused = run(*words, password=password)
        assert refused.exit_code != 0
        assert says in refused.output
        assert "Traceback" not in refused.output
    assert len(listed(run)) == 1


def test_a_password_is_asked_for_twice_without_a_pipe(settings: Any, apps: Any) -> None:
    typed = f"{PASSWORD}\n{PASSWORD}\n"
    made = CliRunner().invoke(user, ["create", "ana@example.org"], input=typed, obj=Installation(settings, apps))
    assert made.exit_code == 0
    assert PASSWORD not in made.output


@pytest.mark.anyio
async def test_a_reset_password_ends_every_session_of_running_processes(ana: Any, nobody: Any, run: Run) -> None:
    """The command is a process of its own; the running one must know when it ends."""
    assert (await ana.get("/auth/profile")).status_code == 200
    reset = await asyncio.to_thread(run, "reset-password", ana.email, password="a new password\n")
    assert (reset.exit_code, "Sessions ended: 1" in reset.output) == (0, True)
    assert (await ana.get("/auth/profile")).status_code == 401
    assert (await sign_in(nobody, ana.email)).status_code == 401
    assert (await sign_in(nobody, ana.email, "a new password")).status_code == 200


@pytest.mark.anyio
async def test_a_reset_password_helps_one_who_is_locked_out(ana: Any, nobody: Any, run: Run, clock: SetClock) -> None:
    for _ in range(6):
        answer = await sign_in(nobody, ana.email, "forgotten")
    assert answer.status_code == 429
    await asyncio.to_thread(run, "reset-password", ana.email, password="a new password\n")
    clock.pass_(5)  # for so long a process remembers what it has refused
    assert (await sign_in(nobody, ana.email, "a new password")).status_code == 200


@pytest.mark.anyio
async def test_suspending_and_roles_hold_at_once(ana: Any, run: Run) -> None:
    assert (await ana.get("/auth/profile")).json()["role"] == "user"
    await asyncio.to_thread(run, "set-role", ana.email, "administrator")
    assert (await ana.get("/auth/profile")).json()["role"] == "administrator"
    assert "Sessions ended: 1" in (await asyncio.to_thread(run, "suspend", ana.email)).output
    assert (await ana.get("/auth/profile")).status_code == 401
    assert "(suspended)" in (await asyncio.to_thread(run, "list")).output
    assert (await asyncio.to_thread(run, "reinstate", ana.email)).exit_code == 0
    assert (await ana.get("/auth/profile")).status_code == 401  # its session ended for good


def test_it_removes_the_factors_of_who_has_lost_them(run: Run) -> None:
    run("create", "ana@example.org", password=PASSWORD)
    none = run("remove-factors", "ana@example.org")
    assert (none.exit_code, none.stdout) == (0, "ana@example.org has no second factor.\n")
    nobody = run("remove-factors", "nobody@example.org")
    assert (nobody.exit_code, "no account" in nobody.output) == (1, True)


def test_keys_are_rotated_and_listed(settings: Any, apps: Any) -> None:
    def command(*words: str) -> str:
        done = CliRunner().invoke(keys, [*words], obj=Installation(settings, apps))
        assert done.exit_code == 0, done.output
        return done.stdout

    assert command("list") == "There is no key yet: the first sign-in makes one.\n"
    assert "Nobody is signed out." in command("rotate")
    assert "renew theirs" in command("rotate", "--compromised")
    assert [line.split()[1] for line in command("list").splitlines()] == ["signs", "revoked"]
    assert [json.loads(line)["state"] for line in command("list", "--json").splitlines()] == ["signs", "revoked"]
