"""What the worker does for accounts."""

from datetime import datetime
from typing import Any

from accounts import operations
from accounts.models import Invitation, User
from accounts.operations.inviting import INVITED
from accounts.operations.passwords import RESET_ASKED
from core import outbox


@outbox.consumer(RESET_ASKED)
def password_reset_asked(payload: dict[str, Any], at: datetime) -> None:
    operations.send_password_reset(user=User.objects.get(pk=payload["user"]))


@outbox.consumer(INVITED)
def invitation_sent(payload: dict[str, Any], at: datetime) -> None:
    invitation = Invitation.objects.select_related("account", "invited_by").get(pk=payload["invitation"])
    operations.send_invitation(invitation=invitation, seed=payload["seed"], at=at)
