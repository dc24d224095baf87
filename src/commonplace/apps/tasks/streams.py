"""Which requests carry more than a request may. Loaded before any route, so it imports nothing."""


def is_stream(method: str, path: str) -> bool:
    """Whether the body or the answer may be large and take its time; an import has a limit of its own."""
    return (method, path) in {("POST", "/api/tasks/import"), ("GET", "/api/tasks/export")}
