"""Which tests go to which worker."""

from xdist.scheduler import LoadScopeScheduling

#: What shares a browser or an installation, which cost seconds to start, stays on one worker.
_DEAR = ("tests/pages/", "tests/acceptance/test_serve.py")


class ByWhatTheyShare(LoadScopeScheduling):
    """What is dear first, together; every other test wherever there is time."""

    def _split_scope(self, nodeid: str) -> str:
        return next((dear for dear in _DEAR if nodeid.startswith(dear)), nodeid)
