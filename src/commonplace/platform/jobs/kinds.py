"""Which kinds of job there are, and the functions that do them: the manifests' `jobs`."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from commonplace.platform.app import App, load
from commonplace.platform.jobs.errors import MalformedJob

if TYPE_CHECKING:
    from commonplace.platform.jobs.work import Job

Runner = Callable[["Job"], Awaitable[Mapping[str, Any] | None]]
"""Does a job, from where it is; what it gives back is the job's `result`: JSON values, few and small."""


class JobKinds:
    """A part: the kinds of job of every installed app. Each runner is imported when it is first needed."""

    def __init__(self, apps: Iterable[App]) -> None:
        """See the class.

        Raises:
            MalformedJob: two apps have a kind of the same name.
        """
        self._references: dict[str, str] = {}
        for app in apps:
            for kind, reference in app.jobs.items():
                if kind in self._references:
                    raise MalformedJob(f"{app.name}: there is another kind of job named {kind!r}.")
                self._references[kind] = reference

    def __contains__(self, kind: str) -> bool:
        return kind in self._references

    def runner(self, kind: str) -> Runner:
        """The function that does jobs of this kind.

        Raises:
            ImportError: this release has none.
        """
        if kind not in self._references:
            raise ImportError(f"No app of this release does jobs of the kind {kind!r}.")
        found: Runner = load(self._references[kind])
        return found
