"""How the trail tells what was done."""

from typing import Final

from commonplace.apps.accounts.audit import Action

#: Said of who did it, before whom it was done to: "Ana suspended Ben".
ACTIONS: Final[dict[Action, str]] = {
    "created": "made the account of",
    "invited": "invited",
    "invitation_revoked": "withdrew the invitation of",
    "joined": "joined by invitation",
    "suspended": "suspended",
    "reinstated": "reinstated",
    "role_changed": "changed the role of",
    "password_reset": "set a new password for",
    "signed_out": "signed out",
    "erased": "erased a person, with all they had",
    "second_factor_required": "asked a second factor of",
    "second_factor_waived": "asks no second factor any more of",
    "quota_changed": "changed the quota of",
}
TITLES: Final[dict[Action, str]] = {
    "created": "Account made",
    "invited": "Invited",
    "invitation_revoked": "Invitation withdrawn",
    "joined": "Joined",
    "suspended": "Suspended",
    "reinstated": "Reinstated",
    "role_changed": "Role changed",
    "password_reset": "New password set",
    "signed_out": "Signed out",
    "erased": "Erased",
    "second_factor_required": "Second factor asked for",
    "second_factor_waived": "Second factor left to the settings",
    "quota_changed": "Quota changed",
}
