"""The apps of this release. To add one: write its folder, and list its manifest here or in the setting `APPS`."""

from typing import Final

APPS: Final = (
    "commonplace.apps.accounts.manifest:app",
    "commonplace.apps.files.manifest:app",
    "commonplace.apps.notifications.manifest:app",
    "commonplace.apps.tasks.manifest:app",
)
