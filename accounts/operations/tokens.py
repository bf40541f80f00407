"""Tokens: `ctok_` and 64 hexadecimal digits. The database keeps only a SHA-256 of each."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Account, Customer, CustomerToken, Membership, User
from core.audit import Actor, record
from core.errors import Invalid, Unauthenticated
from core.reading import Composed

LIFETIME = timedelta(days=90)
LONGEST_LIFETIME = timedelta(days=366)
LAST_USE_PRECISION = timedelta(minutes=5)

_token = Composed(lambda hashed: CustomerToken.objects.select_related("user").filter(token_hash=hashed))
_places = Composed(lambda user: Membership.objects.filter(user=user).order_by("account_id"))


def new_token() -> str:
    """A fresh token: 256 bits from the operating system."""
    return f"ctok_{secrets.token_hex(32)}"


def create_token(
    *,
    user: User,
    name: str,
    at: datetime,
    by: Actor,
    lifetime: timedelta | None = LIFETIME,
    token: str = "",
) -> tuple[CustomerToken, str]:
    """Make a token for a user's program; the token itself is in this answer and nowhere else.

    Refuses an empty or too long name and a lifetime over a year.
    """
    name = _checked_name(name)
    if lifetime is not None and not timedelta() < lifetime <= LONGEST_LIFETIME:
        raise Invalid("A token lasts between 1 and 366 days", field="lifetime")
    token = token or new_token()
    with transaction.atomic():
        row = CustomerToken.objects.create(
            user=user,
            name=name,
            token_hash=_hashed(token),
            created_at=at,
            expires_at=at + lifetime if lifetime else None,
        )
        record(row, "token.created", at=at, by=by, after={"name": name, "user": user.pk})
    return row, token


def regenerate_token(*, customer: Customer, name: str | None, at: datetime) -> tuple[CustomerToken, str]:
    """A new token for the caller, in the place of their tokens of that name, which end with it."""
    name = _checked_name(name or "API")
    with transaction.atomic():
        User.objects.select_for_update().get(pk=customer.user.pk)  # one at a time: a name has one live token
        for old in CustomerToken.objects.filter(user=customer.user, name=name, revoked_at=None):
            revoke_token(token=old, at=at, by=customer.actor)
        return create_token(user=customer.user, name=name, at=at, by=customer.actor)


def revoke_token(*, token: CustomerToken, at: datetime, by: Actor) -> None:
    """End a token at once. Doing it again changes nothing."""
    with transaction.atomic():
        if CustomerToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=at):
            told = {"name": token.name, "revoked_at": at.isoformat()}
            record(token, "token.revoked", at=at, by=by, before={"revoked_at": None}, after=told)


def customer_for_token(token: str, *, at: datetime) -> Customer:
    """The customer a bearer token stands for. Missing, unknown, expired and revoked all answer the same."""
    try:
        row = _token.get(_hashed(token))
    except CustomerToken.DoesNotExist:
        raise Unauthenticated from None
    if not row.is_usable(at=at):
        raise Unauthenticated
    if row.last_used_at is None or at - row.last_used_at > LAST_USE_PRECISION:
        CustomerToken.objects.filter(pk=row.pk).update(last_used_at=at)
    return customer_for_user(row.user, token=row)


def customer_for_user(user: User, *, token: CustomerToken | None = None) -> Customer:
    """The user with the memberships that give them rights, and the subsidiaries that these reach."""
    places = tuple(_places.all(user.pk))
    tops = [place.account_id for place in places if place.reaches_subsidiaries]
    below = Account.objects.below(tops) if tops else {}
    return Customer(user=user, memberships=places, token=token, subsidiaries=below)


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name:
        raise Invalid("Enter a name for the token", field="name")
    if not name.isprintable():
        raise Invalid("Use letters, digits and signs only", field="name")
    if len(name) > 100:
        raise Invalid("Use at most 100 characters", field="name")
    return name


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
