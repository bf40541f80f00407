"""Pages of accounts: signing in and out, a forgotten password, tokens."""

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
    "locked_out",
    "name_tried",
    "password_reset_done",
    "revoke_token",
    "tokens",
]
