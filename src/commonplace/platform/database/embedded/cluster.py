"""Make a cluster, whole or not at all, and know which one there is.

A cluster is made beside its place, forced to the disk and moved into place by one rename. So whatever is at `cluster`
is whole, and what a kill left half made is thrown away at the next start. Callers hold the cluster's lock.
"""

import os
from pathlib import Path

from commonplace.platform.database.embedded.configuration import replace_file
from commonplace.platform.database.embedded.errors import OtherMajorVersion, ServerFailed
from commonplace.platform.database.embedded.layout import Layout, synchronize
from commonplace.platform.database.embedded.process import Identity, failure, last_lines, require, run

SUPERUSER = "postgres"
ROLE = "commonplace"  # What the application is: it may make databases, and is no superuser, who could run programs.
ROLES = (ROLE, SUPERUSER)
_PASSWORD_BYTES = 24


def major_version(cluster: Path) -> int | None:
    """The major version of PostgreSQL a cluster belongs to; None when there is no cluster."""
    try:
        return int((cluster / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        raise ServerFailed(f"{cluster}/PG_VERSION is damaged. Restore the directory from a backup.") from None


def require_version(layout: Layout, major: int) -> None:
    """Refuse a cluster of another major version than `major`.

    Raises:
        OtherMajorVersion: naming both versions and the way out.
    """
    found = major_version(layout.cluster)
    if found is None or found == major:
        return
    if found > major:
        way_out = f"Install a Commonplace that brings PostgreSQL {found} (a newer one), or restore a backup."
    else:
        way_out = "Run `commonplace database upgrade`, which says what it needs and keeps the old cluster."
    raise OtherMajorVersion(
        f"The database in {layout.cluster} was made by PostgreSQL {found}; this Commonplace has {major}. {way_out}"
    )


def ensure_cluster(layout: Layout, binaries: Path, identity: Identity, *, lock: int, durable: bool) -> None:
    """Make the cluster if there is none, and set its password anew if the file with it was lost.

    Raises:
        ServerFailed: `initdb` refused; the message holds its last lines.
    """
    remove_tree(layout.unfinished)
    known = read_password(layout)
    if major_version(layout.cluster) is None:
        _refuse_to_hide_data(layout)
        password = known or _new_password(layout)
        initialize(layout.unfinished, binaries, identity, lock=lock)
        set_passwords(layout.unfinished, binaries, identity, password, lock=lock)
        if durable:
            require(identity, [str(binaries / "initdb"), "--sync-only", "-D", str(layout.unfinished)], lock=lock)
        layout.unfinished.rename(layout.cluster)
        synchronize(layout.home)
    elif known is None:
        set_passwords(layout.cluster, binaries, identity, _new_password(layout, keep=False), lock=lock)
        layout.password.with_name("password.unset").rename(layout.password)
        synchronize(layout.home)


def initialize(
    directory: Path, binaries: Path, identity: Identity, *, lock: int, options: tuple[str, ...] = ()
) -> None:
    """Run `initdb`; not yet forced to the disk, and with no way in: passwords come next."""
    directory.mkdir(mode=0o700)
    identity.give(directory)
    require(
        identity,
        [
            *(str(binaries / "initdb"), "-D", str(directory), "-U", SUPERUSER, "-E", "UTF8", "--auth=reject"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", f"--locale={_system_locale()}"),
            *("--lc-messages=C", "--no-sync", "--no-instructions"),
            *options,
        ],
        lock=lock,
    )


def set_passwords(
    cluster: Path, binaries: Path, identity: Identity, password: str, *, lock: int, roles: tuple[str, ...] = ROLES
) -> None:
    """Give the roles their password, making those that are missing, by a server of one user nobody else can reach."""
    if not password.isalnum():
        raise ServerFailed(f"The password file of {cluster} is damaged. Remove it; the next start makes another.")
    statements = "".join(
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') "
        f"THEN CREATE ROLE {role} LOGIN CREATEDB; END IF; END $$;\n"
        f"ALTER ROLE {role} PASSWORD '{password}';\n"
        for role in roles
    )
    reading, writing = os.pipe()
    os.write(writing, statements.encode())
    os.close(writing)
    settings = (
        *("exit_on_error=on", "log_min_error_statement=panic", "log_min_messages=fatal", "log_checkpoints=off"),
        "scram_iterations=1",  # 192 random bits need no stretching, and each connection would pay for it
    )
    try:
        code, written = run(
            identity,
            [
                *(str(binaries / "postgres"), "--single", "-F", "-D", str(cluster)),
                *(word for setting in settings for word in ("-c", setting)),
                SUPERUSER,
            ],
            stdin=reading,
            lock=lock,
        )
    finally:
        os.close(reading)
    if code:
        raise failure(written, f"The roles of the database could not be made (code {code}):\n{last_lines(written)}")


def read_password(layout: Layout) -> str | None:
    """The password of both roles; None when there is none yet, or the file was lost."""
    try:
        return layout.password.read_text().strip() or None
    except FileNotFoundError:
        return None


def finish_upgrade(layout: Layout) -> None:
    """Settle an upgrade that was killed at its last step: see `upgrade.py`."""
    upgraded = layout.upgraded
    if not upgraded.exists():
        return
    if layout.cluster.exists():
        remove_tree(upgraded)  # The old cluster still has its place and everything in it; start over.
    else:
        upgraded.rename(layout.cluster)
        synchronize(layout.home)


def remove_tree(directory: Path) -> None:
    """Remove a directory with all in it, if it exists."""
    if directory.exists():
        from shutil import rmtree  # noqa: PLC0415 - heavy, and hardly ever needed.

        rmtree(directory)


def _refuse_to_hide_data(layout: Layout) -> None:
    """Make no empty cluster where one was moved aside, or emptied: that would look like everything is gone."""
    if layout.cluster.exists() and any(layout.cluster.iterdir()):
        raise ServerFailed(
            f"{layout.cluster} holds something, but no database (PG_VERSION is missing). "
            "Restore it from a backup, or move it away to start with an empty one."
        )
    kept = sorted(path.name for path in layout.home.glob("cluster-*"))
    if kept:
        raise ServerFailed(
            f"There is no database at {layout.cluster}, but an older one beside it: {', '.join(kept)}. "
            "Rename it to `cluster` to go on with it, or move it away to start with an empty one."
        )


def _new_password(layout: Layout, *, keep: bool = True) -> str:
    """Make a password and its file; without `keep` under a name that does not count before the roles have it."""
    password = os.urandom(_PASSWORD_BYTES).hex()
    replace_file(layout.password if keep else layout.password.with_name("password.unset"), password + "\n")
    synchronize(layout.home)
    return password


def _system_locale() -> str:
    """The C library's locale for words and letters outside of the builtin one: C.UTF-8 where it has it."""
    import locale  # noqa: PLC0415 - heavy, and needed once in the life of a cluster.

    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        return "C"
    locale.setlocale(locale.LC_CTYPE, before)
    return "C.UTF-8"
