"""What the letters of accounts say. Plain words: who asked for it, what the link does, how long, and what if not."""

from typing import Final

from commonplace.platform.messages.mail import Mail

_FAREWELL: Final = "\n\nCommonplace at {base}\n"


class Wording:
    """Letters of the installation at `base`."""

    def __init__(self, base: str) -> None:
        self._base = base

    def verify(self, to: str, link: str, key: str) -> Mail:
        """Prove an address."""
        return self._mail(
            to,
            "Confirm your e-mail address",
            f"Please confirm that this is your e-mail address, within a day:\n\n{link}\n\n"
            "If you have no account there, somebody mistyped theirs. Then do nothing.",
            key,
        )

    def reset(self, to: str, link: str, key: str) -> Mail:
        """Choose a new password."""
        return self._mail(
            to,
            "Choose a new password",
            "Somebody, probably you, forgot the password of your account. This link lets you choose a new one. It works"
            f" once, for 30 minutes:\n\n{link}\n\n"
            "All devices are signed out then, and API tokens end. If it was not you, do nothing: your password stays.",
            key,
        )

    def change(self, to: str, link: str, key: str) -> Mail:
        """Confirm a new address."""
        return self._mail(
            to,
            "Confirm your new e-mail address",
            f"An account is to have this address from now on. Confirm it within a day:\n\n{link}\n\n"
            "If that is not your account, do nothing: it stays as it is.",
            key,
        )

    def change_not_possible(self, to: str, key: str) -> Mail:
        """Tell the owner of an address with an account that another account wanted it."""
        return self._mail(
            to,
            "Your e-mail address has an account already",
            "Somebody with an account wanted it to have this address. Since yours has it, nothing was changed. If it"
            " was you: sign in with this address, or take another one.",
            key,
        )

    def undo(self, to: str, link: str, key: str) -> Mail:
        """Tell the old address that it is the old one, and let it be the present one again."""
        return self._mail(
            to,
            "Your e-mail address was changed",
            "Your account has another e-mail address from now on, and this one opens it no more. If you did that, all"
            " is well.\n\nIf you did not, undo it within 7 days. The account gets this address back, every device is"
            f" signed out, and you choose a new password:\n\n{link}",
            key,
        )

    def register(self, to: str, link: str, key: str) -> Mail:
        """Make the account."""
        return self._mail(
            to,
            "Confirm your new account",
            f"An account is to be made with this address. Confirm it within a day:\n\n{link}\n\n"
            "If you asked for none, do nothing: then none is made.",
            key,
        )

    def registered_already(self, to: str, key: str) -> Mail:
        """Tell who has an account that somebody wanted to make one."""
        return self._mail(
            to,
            "You have an account already",
            "Somebody, probably you, wanted to make an account with this address. It has one: sign in at"
            f" {self._base}/app/sign-in, or choose a new password at {self._base}/app/forgot. If it was not you, do"
            " nothing: nobody was told that you have an account.",
            key,
        )

    def password_changed(self, to: str, key: str) -> Mail:
        """Tell a person that their password is another."""
        return self._mail(
            to,
            "Your password was changed",
            "The password of your account was changed, and every device was signed out. If that was you, all is well."
            f" If not, choose a new one now, at {self._base}/app/forgot, and see that nobody else reads your mail.",
            key,
        )

    def to_be_erased(self, to: str, when: str, key: str, *, is_own_wish: bool) -> Mail:
        """Tell a person that their account ends, while it can be kept."""
        who, way_out = (
            (
                "Somebody signed in to your account, probably you, asked",
                "If you want to keep it, sign in before then: that alone cancels it.",
            )
            if is_own_wish
            else (
                "An administrator of the place where you have an account asked",
                "If that is a mistake, write to who runs this installation before then.",
            )
        )
        return self._mail(
            to,
            "Your account is about to be removed",
            f"{who} that it and everything in it be removed for good on {when}. {way_out}",
            key,
        )

    def _mail(self, to: str, subject: str, text: str, key: str) -> Mail:
        return Mail(to=to, subject=subject, text=text + _FAREWELL.format(base=self._base), message_key=key)
