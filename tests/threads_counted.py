"""Coverage of what runs in threads: much of the server's work is handed to executors.

Coverage's own setting for it takes a lock that is not reentrant: the callback of a weak reference, run in the wrong
moment, waits for itself for ever. Without it no thread is traced at all. So the function that traces a new thread is
handed to `threading` here, without the lock: under the interpreter's own one nothing else is needed.
"""

import threading

import coverage


def count_threads() -> None:
    """Trace every thread that starts from now on, where coverage is measured in this process."""
    current = coverage.Coverage.current()
    collector = None if current is None else current._collector
    if collector is not None:
        threading.settrace(collector._installation_trace)
