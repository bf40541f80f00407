"""The second factor of staff: what the trail tells of it, and taking it away from who lost it."""

from datetime import datetime

from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts.models import User
from core.audit import Actor, record
from core.errors import Conflict, Invalid


def note_second_factor(*, user: User, action: str, at: datetime) -> None:
    """Write into the trail that somebody set up, removed or renewed their own second factor."""
    record(user, f"second_factor.{action}", at=at, by=user.actor)


def reset_second_factor(*, user: User, at: datetime, by: Actor, reason: str) -> None:
    """Take a second factor and its recovery codes away: its owner sets up a new one at the next sign-in.
    Sessions that showed the old one count for nothing. Refuses without a reason, and where there is none."""
    if not reason.strip():
        raise Invalid("Say why, for the audit trail", field="reason")
    with transaction.atomic():
        removed, _ = Authenticator.objects.filter(user=user).delete()
        if not removed:
            raise Conflict(f"{user.email} has no second factor")
        record(user, "second_factor.reset", at=at, by=by, reason=reason.strip())
