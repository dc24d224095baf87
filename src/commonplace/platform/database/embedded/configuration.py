"""How the embedded server is set up: small, quiet, and never losing what it acknowledged.

`postgresql.conf` is written anew at each start; a person's own lines go to `postgresql.custom.conf` beside the
cluster. What keeps the promise of the product, and where the server listens, is given on the command line, which
neither that file nor ALTER SYSTEM can overrule.
"""

import os
from pathlib import Path

from commonplace.platform.database.embedded.layout import PORT, Layout

# Measured as PSS of all the server's processes, idle and with 20 connections that had worked on 100 MB:
#   these settings              5 processes   13 MB    67 MB
#   shared_buffers = 32MB       5 processes   11 MB    60 MB
#   PostgreSQL's own defaults   9 processes   24 MB    85 MB
# More memory than this the kernel gives by itself: it caches the files, too.
_TUNING = """\
# Written by Commonplace at each start. Put lines of your own into ../postgresql.custom.conf.
max_connections = 60                    # 10 a process at most, and a few processes
shared_buffers = 64MB
huge_pages = off
work_mem = 4MB
maintenance_work_mem = 32MB
temp_buffers = 4MB
jit = off                               # compiling a query takes longer than ours run
io_method = sync                        # the default keeps three more processes for reading ahead
max_worker_processes = 2
max_parallel_workers = 0                # two cores, shared with the application
max_parallel_workers_per_gather = 0
max_parallel_maintenance_workers = 0
max_logical_replication_workers = 0     # one process less
autovacuum_worker_slots = 2
autovacuum_max_workers = 2
autovacuum_naptime = 60s
effective_cache_size = 512MB
random_page_cost = 1.1                  # solid state disks
wal_level = replica                     # pg_basebackup and point-in-time recovery stay possible
max_wal_senders = 3
max_replication_slots = 3
min_wal_size = 48MB
max_wal_size = 256MB                    # bounds the recovery after a crash to seconds
wal_compression = pglz
checkpoint_timeout = 5min
client_connection_check_interval = 5s   # a query whose asker was killed ends
log_destination = stderr
logging_collector = off                 # one process less; who starts the server bounds the file
log_checkpoints = off
log_error_verbosity = terse             # DETAIL would hold what people stored
log_line_prefix = '%m [%p] %q%u@%d '
log_lock_waits = on
log_timezone = UTC
timezone = UTC
lc_messages = C
password_encryption = scram-sha-256
"""
_ACCESS = """\
# Written by Commonplace at each start. The server listens on a Unix socket only.
local all all scram-sha-256
local replication all scram-sha-256
"""
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
# For tests alone: a crash of the machine loses the cluster, a killed server still loses nothing.
_FAST = {"fsync": "off", "synchronous_commit": "on", "full_page_writes": "off", "autovacuum_naptime": "1h"}


def write_configuration(layout: Layout, cluster: Path) -> None:
    """Write `postgresql.conf` and `pg_hba.conf` of a cluster, each whole or not at all."""
    custom = "include = '../postgresql.custom.conf'\n" if layout.custom_configuration.exists() else ""
    replace_file(cluster / "postgresql.conf", _TUNING + custom)
    replace_file(cluster / "pg_hba.conf", _ACCESS)


def command_line(program: Path, layout: Layout, cluster: Path, *, durable: bool) -> list[str]:
    """The command that starts the server of a cluster in the foreground."""
    options = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": f'"{layout.sockets}"',
        "unix_socket_permissions": "0700",
        **(_DURABLE if durable else _FAST),
    }
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return [str(program), "-D", str(cluster), *settings]


def replace_file(path: Path, text: str) -> None:
    """Put a file in place at once, readable by its owner only; the owner stays who it was."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        if path.parent.stat().st_uid != os.geteuid():
            os.fchown(descriptor, path.parent.stat().st_uid, path.parent.stat().st_gid)
        stream.write(text)
        stream.flush()
        os.fsync(descriptor)
    fresh.replace(path)
