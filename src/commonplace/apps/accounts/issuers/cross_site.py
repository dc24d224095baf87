"""What another site's page may make a browser post to us."""

import re
from typing import Final

_CALLBACK: Final = re.compile(r"/app/sign-in/with/[a-z0-9-]{1,32}/callback")


def takes_cross_site(method: str, path: str) -> bool:
    """Whether it is an issuer's answer by `response_mode=form_post`. That route only redirects, and changes nothing."""
    return method == "POST" and bool(_CALLBACK.fullmatch(path))
