"""Cancellation: whether it is meant, or a library's way to say that what was waited for is gone."""

import asyncio


def is_being_cancelled() -> bool:
    """Whether somebody wants the running task to end; a cancellation out of a driver alone does not."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
