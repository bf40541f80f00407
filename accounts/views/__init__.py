"""Pages of accounts: signing in and out, a forgotten password, tokens, members and their invitations."""

from accounts.views.invitations import invitation
from accounts.views.members import change, end_token, invite_again, members, remove, withdraw
from accounts.views.signing_in import (
    ForgottenPasswordView,
    LimitedSignIn,
    NewPasswordView,
    SignInView,
    SignOutView,
    address_tried_from,
    locked_out,
    name_tried,
    password_reset_done,
)
from accounts.views.tokens import revoke_token, tokens

__all__ = [
    "ForgottenPasswordView",
    "LimitedSignIn",
    "NewPasswordView",
    "SignInView",
    "SignOutView",
    "address_tried_from",
    "change",
    "end_token",
    "invitation",
    "invite_again",
    "locked_out",
    "members",
    "name_tried",
    "password_reset_done",
    "remove",
    "revoke_token",
    "tokens",
    "withdraw",
]
