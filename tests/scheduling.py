"""Which tests go to which worker."""

from xdist.scheduler import LoadScopeScheduling

#: Their modules share a browser or an installation, which costs seconds to start: each stays on one worker.
_DEAR = ("tests/pages/", "tests/acceptance/test_serve.py")


class ByWhatTheyShare(LoadScopeScheduling):
    """The dear modules first, whole; every other test wherever there is time."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return module if module.startswith(_DEAR) else nodeid
