"""What can go wrong with jobs.

Problem
├── JobNotFound    404  there is none such, or it is somebody else's
└── TooManyJobs    429  one person's jobs that are waiting or at work
"""

from http import HTTPStatus

from commonplace.platform.errors import NotFound, Problem


class JobNotFound(NotFound):
    """There is no such job, or it is somebody else's."""

    def __init__(self) -> None:
        super().__init__("There is no such job. Those that have ended are forgotten after some days.")


class TooManyJobs(Problem):
    """So many jobs of one person are waiting or at work that no further one is taken."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"You have {limit} jobs under way, all that one may have. Wait until some have ended, or stop one.",
            retry_after_seconds=10,
        )


class Stopped(Exception):
    """The job was stopped, or another worker has taken it over: what is under way is undone, and nothing follows."""


class MalformedJob(TypeError):
    """A kind of job that no manifest names, or two name; a defect of an app."""
