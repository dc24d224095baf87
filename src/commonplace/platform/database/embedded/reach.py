"""Give the user the server runs as a way to its programs and its data, where that is another user than we are.

Only containers come here that refuse user namespaces to root: the server then runs as `nobody`, for whom neither a
virtual environment below /root nor our private data directory is open.
"""

import os
from pathlib import Path

from commonplace.platform.database.embedded.cluster import remove_tree
from commonplace.platform.database.embedded.errors import NoUsableIdentity
from commonplace.platform.database.embedded.layout import Layout
from commonplace.platform.database.embedded.process import Identity, run


def reachable_binaries(layout: Layout, binaries: Path, identity: Identity) -> Path:
    """The programs' directory as `identity` can use it: their own, or a copy (41 MB) below the data directory.

    Raises:
        NoUsableIdentity: a directory above the data directory is closed to that user.
    """
    if identity.mode != "setuid":
        return binaries
    for directory in (layout.data_dir, layout.home):
        mode = directory.stat().st_mode
        if not mode & 0o001:
            os.chown(directory, -1, identity.gid)
            directory.chmod(mode & 0o7777 | 0o010)  # It may pass through, not look around.
    if run(identity, ["/bin/sh", "-c", ":"], directory=layout.home)[0] != 0:
        raise NoUsableIdentity(
            f"PostgreSQL has to run as user id {identity.uid} here, and a directory above {layout.data_dir} is "
            "closed to it. Give a data directory elsewhere, such as /var/lib/commonplace, by COMMONPLACE_DATA_DIR."
        )
    _give_tree(layout.cluster, identity)
    can_run = run(identity, [str(binaries / "postgres"), "--version"])[0] == 0
    return binaries if can_run else _copy(layout, binaries)


def _copy(layout: Layout, binaries: Path) -> Path:
    """Copy the installation and the libraries beside it: programs find those by a relative path."""
    from shutil import copytree  # noqa: PLC0415 - heavy, and hardly ever needed.

    package = binaries.parent.parent
    libraries = package.with_name(package.name + ".libs")
    status = (binaries / "postgres").stat()
    copy = layout.home / f"binaries-{status.st_mtime_ns:x}-{status.st_size:x}"  # Another version is another copy.
    if not copy.exists():
        for old in layout.home.glob("binaries-*"):
            remove_tree(old)
        half = layout.home / "binaries-unfinished"
        copytree(binaries.parent, half / package.name / binaries.parent.name, symlinks=True)
        if libraries.exists():
            copytree(libraries, half / libraries.name, symlinks=True)
        for directory, _, _ in os.walk(half):
            Path(directory).chmod(0o755)
        half.rename(copy)
    return copy / package.name / binaries.parent.name / binaries.name


def _give_tree(directory: Path, identity: Identity) -> None:
    """Hand over a cluster that was made while we could run it ourselves."""
    if not directory.exists() or directory.stat().st_uid == identity.uid:
        return
    for parent, directories, files in os.walk(directory, topdown=False):
        for name in (*directories, *files):
            identity.give(Path(parent) / name)
    identity.give(directory)  # Last: until it is ours no longer, an interrupted walk is begun again.
